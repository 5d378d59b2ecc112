import { relative, join } from 'node:path';
import Sequencer from '@jest/test-sequencer';

/** Spec files that take long, the longest first: begun at the end, one of them would keep a single core busy. */
const LONG = [
  'model/memory.spec.ts',
  'model/postgres.spec.ts',
  'storage/embedded-server.spec.ts',
  'e2e/limits-kill.spec.ts',
  'e2e/outage.spec.ts',
  'e2e/waits-crash.spec.ts',
  'e2e/crash-points.spec.ts',
  'storage/schedules.spec.ts',
  'storage/waits-races.spec.ts',
  'testing/server.spec.ts',
  'e2e/stopped-worker.spec.ts',
  'e2e/waits-processes.spec.ts',
];

/** The long ones first, the rest as jest has it (by how long they took the last time). */
export default class LongestFirst extends Sequencer {
  async sort(tests) {
    const rank = ({ context, path }) => {
      const at = LONG.indexOf(relative(join(context.config.rootDir, 'test'), path).replaceAll('\\', '/'));
      return at < 0 ? LONG.length : at;
    };
    return [...(await super.sort(tests))].sort((one, other) => rank(one) - rank(other));
  }
}
