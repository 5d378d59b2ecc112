import { readdirSync, readFileSync } from 'node:fs';
import pg from 'pg';

/** ms. A server that has much to do may take long to end the sessions of a child that was killed. */
const defaultPatience = 30_000;

/** Runs a statement on the server's own database. */
export function onServer(sql, values = []) {
  return inSession((ask) => ask(sql, values));
}

/** Gives `work` what runs statements there, all in one session. */
async function inSession(work) {
  const client = new pg.Client({ connectionString: process.env.TEST_SERVER_URL });
  await client.connect();
  try {
    return await work(async (sql, values = []) => (await client.query(sql, values)).rows);
  } finally {
    await client.end();
  }
}

export async function databasesOf(run) {
  const rows = await onServer('SELECT datname FROM pg_database WHERE starts_with(datname, $1)', [run]);
  return rows.map((row) => row.datname);
}

/**
 * What a test left behind on its database: sessions (with them every lock, LISTEN and open transaction) and prepared
 * transactions. The server ends a session some milliseconds after its client has gone, hence the patience.
 * @returns one line for each, empty when nothing is left
 */
export function leaksOf(name, patience = defaultPatience) {
  return inSession((ask) => leaksBy(ask, name, patience));
}

async function leaksBy(ask, name, patience) {
  const deadline = Date.now() + patience;
  for (;;) {
    const left = await ask(
      `SELECT format('session %s of "%s", %s: %s', pid, application_name, state, query) AS what
         FROM pg_stat_activity WHERE datname = $1 AND backend_type = 'client backend'
       UNION ALL SELECT format('prepared transaction %s', gid) FROM pg_prepared_xacts WHERE database = $1`,
      [name],
    );
    if (left.length === 0 || Date.now() > deadline) return left.map((row) => row.what);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

export function dropDatabase(name) {
  return inSession((ask) => dropBy(ask, name));
}

async function dropBy(ask, name) {
  const quoted = pg.escapeIdentifier(name);
  const [database] = await ask('SELECT datistemplate FROM pg_database WHERE datname = $1', [name]);
  if (database?.datistemplate) await ask(`ALTER DATABASE ${quoted} IS_TEMPLATE false`);
  await ask(`DROP DATABASE IF EXISTS ${quoted} WITH (FORCE)`);
}

const SETTINGS = ['DateStyle=ISO', 'TimeZone=UTC', 'search_path=public', 'standard_conforming_strings=on']
  .concat(['lock', 'statement', 'idle_session', 'idle_in_transaction_session'].map((name) => `${name}_timeout=0`))
  .map((setting) => `-c ${setting}`)
  .join(' ');

const statements = new URL('../../lib/storage/sql/verify/', import.meta.url);
const checks = readdirSync(statements)
  .filter((file) => /^verify-.*\.sql$/.test(file))
  .map((file) => [file, readFileSync(new URL(file, statements), 'utf8')]);

/**
 * What must never be in a test's database at its end: rows that a safety net had to mend (test/support/reconciled.sql), and
 * what `verify` finds. Costs 40 ms in a small database.
 * @param rules.breaksRows the spec writes rows by hand that the engine would not: nothing is looked at
 * @param rules.leaves the spec leaves things as they must not be: only what was mended is looked at
 */
export function findingsOf(name, rules = {}) {
  return inSession((ask) => findingsBy(ask, name, rules));
}

async function findingsBy(ask, name, { breaksRows = false, leaves = false }) {
  if (breaksRows) return [];
  const there = await ask('SELECT FROM pg_database WHERE datname = $1', [name]);
  if (there.length === 0) return [];
  const url = new URL(process.env.TEST_SERVER_URL);
  url.pathname = `/${name}`;
  // At the start of the session: a spec may have given its database strange defaults, some that end a session within ms.
  const client = new pg.Client({ connectionString: url.href, options: SETTINGS });
  await client.connect();
  try {
    const { rows } = await client.query(`SELECT to_regclass('spec.reconciled') IS NOT NULL AS noted`);
    if (!rows[0].noted) return [];
    const mended = await client.query(
      `SELECT format('reconciled (%s): run %s', what, run) AS line FROM spec.reconciled`,
    );
    const found = mended.rows.map(({ line }) => line);
    if (leaves) return found;
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    for (const [file, text] of checks) {
      const { rows: violations } = await client.query(text, [20]);
      found.push(...violations.map(({ run_id, what }) => `${file}: ${run_id === null ? '' : `run ${run_id} `}${what}`));
    }
    return found;
  } finally {
    await client.end();
  }
}

/**
 * Drops a test's database; fails if the test left something behind on it, or the engine something that must not be.
 * @param session server-session.mjs
 */
export async function closeDatabase(name, rules, { ask }, patience = defaultPatience) {
  const leaks = await leaksBy(ask, name, patience);
  const findings = await findingsBy(ask, name, rules).finally(() => dropBy(ask, name));
  if (leaks.length > 0) throw new Error(`left behind on the test database:\n  ${leaks.join('\n  ')}`);
  if (findings.length > 0) throw new Error(`found in the test database at its end:\n  ${findings.join('\n  ')}`);
}
