import type { Check } from './doctor-check.js';
import type { ServerFacts } from './doctor-server.js';

/** A row of doctor-tables.sql. */
export interface TableFacts {
  readonly name: string;
  readonly rows: number;
  readonly dead: number;
  readonly bytes: number;
  readonly vacuumed: Date | null;
  /** Autovacuum is switched off for this table. */
  readonly unvacuumed: boolean;
}

/** Dead rows of the queue that claims have to step over. */
const DEAD_WARN = 50_000;
/** So many are not left for long where autovacuum comes by: ms since it did. */
const UNCLEARED_WARN = 10_000;
const VACUUMED_WARN = 60 * 60_000;

/** Of the table that each claim looks through: its dead rows, and whether autovacuum clears them. */
export function tableChecks(
  tables: readonly TableFacts[],
  {
    settings,
    names,
    now,
  }: Pick<ServerFacts, 'settings' | 'now'> & { readonly names: Pick<ServerFacts['names'], 'schema'> },
): Check[] {
  const queue = tables.find(({ name }) => name === 'workflow_queue');
  if (queue === undefined) return [];
  const { dead, vacuumed } = queue;
  const found: string[] = [];
  const mends: string[] = [];
  const off = tables.filter(({ unvacuumed }) => unvacuumed).map(({ name }) => name);
  if (off.length > 0) {
    found.push(`Autovacuum is switched off for ${off.join(', ')}.`);
    mends.push(...off.map((name) => `ALTER TABLE ${names.schema}.${name} RESET (autovacuum_enabled)`));
  }
  const isMany = dead >= queue.rows * 2;
  const isOld = vacuumed === null || now - vacuumed.getTime() > VACUUMED_WARN;
  if (isMany && (dead >= DEAD_WARN || (dead >= UNCLEARED_WARN && isOld))) {
    found.push(
      `workflow_queue has ${dead} dead rows beside ${queue.rows}, ${sinceOf(vacuumed, now)}: claims step over them.`,
    );
    mends.push(
      // Rows that nobody clears come again: that it is off is a check of its own, of the server's settings.
      ...(settings['autovacuum'] === 'off' ? ['ALTER SYSTEM SET autovacuum = on'] : []),
      'end transactions that are older than these rows',
      `VACUUM ${names.schema}.workflow_queue`,
    );
  }
  const id = 'hot-table';
  if (found.length === 0)
    return [{ id, state: 'ok', text: `workflow_queue has ${queue.rows} rows and ${dead} dead ones.` }];
  return [{ id, state: 'warn', text: found.join(' '), mend: mends.join('; ') }];
}

function sinceOf(vacuumed: Date | null, now: number): string {
  if (vacuumed === null) return 'and was never vacuumed';
  const minutes = Math.max(0, Math.round((now - vacuumed.getTime()) / 60_000));
  return `vacuumed last ${minutes < 120 ? `${minutes} min` : `${Math.round(minutes / 60)} h`} ago`;
}
