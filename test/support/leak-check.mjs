import pg from 'pg';

/** ms. A server that has much to do may take long to end the sessions of a child that was killed. */
const defaultPatience = 30_000;

/** Runs a statement on the server's own database. */
export async function onServer(sql, values = []) {
  const client = new pg.Client({ connectionString: process.env.TEST_SERVER_URL });
  await client.connect();
  try {
    return (await client.query(sql, values)).rows;
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
export async function leaksOf(name, patience = defaultPatience) {
  const deadline = Date.now() + patience;
  for (;;) {
    const left = await onServer(
      `SELECT format('session %s of "%s", %s: %s', pid, application_name, state, query) AS what
         FROM pg_stat_activity WHERE datname = $1 AND backend_type = 'client backend'
       UNION ALL SELECT format('prepared transaction %s', gid) FROM pg_prepared_xacts WHERE database = $1`,
      [name],
    );
    if (left.length === 0 || Date.now() > deadline) return left.map((row) => row.what);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

export async function dropDatabase(name) {
  const quoted = pg.escapeIdentifier(name);
  const [database] = await onServer('SELECT datistemplate FROM pg_database WHERE datname = $1', [name]);
  if (database?.datistemplate) await onServer(`ALTER DATABASE ${quoted} IS_TEMPLATE false`);
  await onServer(`DROP DATABASE IF EXISTS ${quoted} WITH (FORCE)`);
}

/** Drops a test's database; fails if the test left something behind on it. */
export async function closeDatabase(name, patience = defaultPatience) {
  const leaks = await leaksOf(name, patience);
  await dropDatabase(name);
  if (leaks.length > 0) throw new Error(`left behind on the test database:\n  ${leaks.join('\n  ')}`);
}
