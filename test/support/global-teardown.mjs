import { databasesOf, dropDatabase } from './leak-check.mjs';

/** Leaves a shared server as it was found, and ends our own. */
export default async function globalTeardown() {
  if (globalThis.testServer) return globalThis.testServer.close();
  for (const name of await databasesOf(process.env.TEST_RUN)) await dropDatabase(name);
}
