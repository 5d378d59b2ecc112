import type { EntityManager } from 'typeorm';
import { ConfigurationError } from '../../core/errors/errors.js';
import { sql } from '../sql.js';

/** DataSources that were seen to be on the right database, with the id of its tables. */
const checked = new WeakMap<object, string>();

/**
 * Lets a caller's manager through whose transaction can carry what is written to these tables.
 * @throws ConfigurationError when it is on another database, or in no transaction
 */
export async function checkManager(manager: EntityManager, schema: string, instanceId: string): Promise<void> {
  if (manager.queryRunner?.isTransactionActive !== true) {
    throw refusedManager('expected the EntityManager of an open transaction, as dataSource.transaction() gives it');
  }
  const { connection, queryRunner } = manager;
  if (!['postgres', 'aurora-postgres'].includes(connection.options.type)) {
    throw refusedManager(`expected an EntityManager of PostgreSQL, got one of ${connection.options.type}`);
  }
  if (checked.get(connection) === instanceId) return;
  // A missing table would be an error of the server's, which ends the caller's transaction.
  // Its name, not a boolean, of which the app's parsers may make anything.
  const [found] = (await queryRunner.query(`SELECT to_regclass($1)::text AS here`, [`${schema}.instance`])) as {
    here: string | null;
  }[];
  const rows = ((found?.here ?? null) !== null ? await queryRunner.query(sql('instance', schema)) : []) as {
    id: string;
  }[];
  if (rows[0]?.id !== instanceId) {
    throw refusedManager(
      `expected an EntityManager on the database of this engine (schema "${schema}"), got one on another: ` +
        'what is written there could not commit together with it',
    );
  }
  checked.set(connection, instanceId);
}

function refusedManager(message: string): ConfigurationError {
  return new ConfigurationError([{ path: 'manager', message }]);
}
