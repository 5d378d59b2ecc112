import { TestEnvironment } from 'jest-environment-node';
import { closeDatabase } from './leak-check.mjs';

/**
 * The node environment, plus: after a spec file, hooks included, every database that the file made is looked at for
 * what it left behind, and dropped. A leak fails the file. Here and not in an `afterAll` of a setup file, since that
 * one would run before the spec's own.
 */
export default class DatabaseEnvironment extends TestEnvironment {
  async setup() {
    await super.setup();
    this.global.testDatabases = new Set();
  }

  async teardown() {
    const left = [...(this.global.testDatabases ?? [])];
    await super.teardown();
    const ends = await Promise.allSettled(left.map((name) => closeDatabase(name)));
    const failed = ends.filter((end) => end.status === 'rejected').map((end) => end.reason);
    if (failed.length > 0) throw failed.length === 1 ? failed[0] : new AggregateError(failed, 'databases left in use');
  }
}
