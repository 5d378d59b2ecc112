import { QueueClaims, type QueueClaimsDeps } from '../../lib/engine/worker/queue-claims.js';
import type { ClaimedRow } from '../../lib/engine/ports/store.js';

const ROW = { rowId: 'r', runId: 'r', token: 1, queue: 'ai', limitKey: 'order\n=a' } as ClaimedRow & {
  limitKey: string;
};

/** The keys for which places were said to be free when a row that was claimed and then went this way has ended. */
async function freedAfter(open: QueueClaimsDeps['open']): Promise<string[]> {
  const freed: string[] = [];
  const queues: Partial<QueueClaimsDeps['queues']> = {
    queueStates: async () => [{ queue: 'ai', paused: false, limited: true }],
    claimLimited: async () => ({ rows: [ROW], unkeyed: [], blocked: 0, nextInMs: null }),
    blockedKeys: async () => ({ free: [], last: null }),
    unblock: async (keys) => {
      freed.push(...keys.map(({ limitKey }) => limitKey));
      return [];
    },
  };
  const claims = new QueueClaims({
    store: {} as QueueClaimsDeps['store'],
    queues: queues as QueueClaimsDeps['queues'],
    registry: {
      all: () => [],
      byName: () => undefined,
      byId: () => undefined,
    } as unknown as QueueClaimsDeps['registry'],
    worker: () => 7,
    timesLost: () => 0,
    claimable: () => [],
    onWork: () => {},
    open,
    onRate: () => {},
    onTrouble: () => {},
  });
  await claims.start();
  await claims.claim('ai', 1).catch(() => 0);
  claims.ended('r');
  await new Promise((resolve) => setImmediate(resolve));
  await claims.stop();
  return freed;
}

it('the place of a run that is at work is free when it ends', async () => {
  expect(await freedAfter(async (rows) => rows)).toEqual(['order\n=a']);
});

it.each<[string, QueueClaimsDeps['open']]>([
  ['left alone', async () => []],
  ['refused', () => Promise.reject(new Error('the database is away'))],
])('of one that was claimed, but could not be opened, nothing is kept: %s', async (_, open) => {
  expect(await freedAfter(open)).toEqual([]);
});
