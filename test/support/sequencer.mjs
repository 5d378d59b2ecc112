import { relative, join } from 'node:path';
import Sequencer from '@jest/test-sequencer';

/** Spec files of more than ten seconds, the longest first: begun at the end, one of them would keep a single core busy. */
const LONG = [
  'dashboard/browser/looks.spec.ts',
  'dashboard/browser/pictures.spec.ts',
  'model/standing.spec.ts',
  'model/memory.spec.ts',
  'e2e/waits-crash.spec.ts',
  'storage/embedded-server.spec.ts',
  'e2e/outage-calls.spec.ts',
  'model/postgres.spec.ts',
  'dashboard/browser/live.spec.ts',
  'storage/session.spec.ts',
  'storage/run-pages.spec.ts',
  'dashboard/browser/acts.spec.ts',
  'e2e/sessions.spec.ts',
  'testing/kit-explore-drive.spec.ts',
  'e2e/stopped-worker.spec.ts',
  'docs/docs.spec.ts',
  'e2e/keeper.spec.ts',
  'storage/schedules.spec.ts',
  'workflows/typing.spec.ts',
  'dashboard/export.spec.ts',
  'model/saga.spec.ts',
  'e2e/crash-points.spec.ts',
  'dashboard/browser/ways.spec.ts',
  'dashboard/stream.spec.ts',
  'e2e/queues.spec.ts',
  'schedules/deploys.spec.ts',
  'e2e/refused-commits.spec.ts',
  'e2e/limits-kill.spec.ts',
  'cli/many.spec.ts',
  'storage/cancel-tree.spec.ts',
  'cli/lazy.spec.ts',
  'dashboard/bad-input.spec.ts',
  'storage/child-waits-races.spec.ts',
  'storage/waits-races.spec.ts',
  'e2e/outage.spec.ts',
  'dashboard/gate.spec.ts',
  'module/embedded.spec.ts',
  'e2e/reconcile.spec.ts',
  'testing/server.spec.ts',
  'e2e/schedules.spec.ts',
  'e2e/idle.spec.ts',
  'e2e/rollout.spec.ts',
  'module/report.spec.ts',
  'e2e/failover.spec.ts',
  'e2e/embedded-ends.spec.ts',
  'samples/15-demo.spec.ts',
  'module/beginners-mistakes.spec.ts',
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
