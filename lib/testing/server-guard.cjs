'use strict';
const { spawn } = require('node:child_process');
const { rmSync } = require('node:fs');
const { createRequire } = require('node:module');

/**
 * Outlives the process whose tests use a database, by as long as it takes to clear up: when that process has ended, by
 * kill -9 too, its end of the pipe is closed. Started by test-server.ts; a file of its own and not a module, so that
 * any version of Node runs it from anywhere.
 *
 * Its argument is JSON: { server: { program, args, options } | null, drop: { from, url, prefix } | null, remove: [path] }
 */
const { server, drop, remove } = JSON.parse(process.argv[2]);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => {});

const child =
  server === null ? null : spawn(server.program, server.args, { ...server.options, stdio: ['ignore', 2, 2] });
const exited = new Promise((resolve) => {
  if (child === null) return resolve();
  child.on('exit', resolve);
  child.on('error', (error) => {
    process.stderr.write(`${error.message}\n`);
    resolve();
  });
});
// Whoever waits for the server to start wants to know that it did not.
if (child !== null) void exited.then(() => process.stdout.write('ended\n'));
process.stdout.on('error', () => {});
process.stdin.on('error', () => {});
process.stdin.on('close', end);
process.stdin.resume();

let ending = false;
async function end() {
  if (ending) return;
  ending = true;
  // The data is thrown away: no checkpoint.
  child?.kill('SIGQUIT');
  await exited;
  if (drop !== null) await dropDatabases().catch(() => {});
  for (const path of remove) rmSync(path, { recursive: true, force: true, maxRetries: 5 });
  process.exit();
}

async function dropDatabases() {
  const pg = createRequire(drop.from)('pg');
  const client = new pg.Client({ connectionString: drop.url, connectionTimeoutMillis: 5_000 });
  client.on('error', () => {});
  await client.connect();
  const found = await client.query('SELECT datname FROM pg_database WHERE starts_with(datname, $1)', [drop.prefix]);
  for (const { datname } of found.rows) {
    await client.query(`DROP DATABASE IF EXISTS ${client.escapeIdentifier(datname)} WITH (FORCE)`).catch(() => {});
  }
  await client.end();
}
