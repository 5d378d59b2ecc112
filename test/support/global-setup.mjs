import { randomBytes } from 'node:crypto';
import { startPostgres } from './postgres-server.mjs';

/**
 * One server for the whole run: DATABASE_URL's when that is set, else an embedded one. Databases are named after the
 * run, so that several runs can share a server.
 */
export default async function globalSetup() {
  const given = process.env.DATABASE_URL;
  // No test pulls the plug of the machine, and what a killed server has written is there without fsync.
  if (!given)
    globalThis.testServer = await startPostgres({ fsync: 'off', full_page_writes: 'off' }, { inMemory: true });
  process.env.TEST_SERVER_URL = given || globalThis.testServer.url;
  process.env.TEST_RUN = `nest_durable_${randomBytes(4).toString('hex')}`;
  // Or code under test would use it by the default rule of the module.
  delete process.env.DATABASE_URL;
}
