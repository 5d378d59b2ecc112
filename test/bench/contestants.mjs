/**
 * Who takes part, with which settings, and what a reader has to know about them. `latency` is how many runs in sequence
 * for each way of starting one.
 *
 * DBOS settings tried at a backlog of 2 000, 3 steps: pools of 5, 10, 20 and 50 connections, worker concurrency 20, 100,
 * 500 and none, polls every 5 to 1 000 ms, twice each on a busy machine. No limit was the fastest in the median; the
 * differences between the pools, and between the defaults and the tuned settings, were within the noise.
 */
export const CONTESTANTS = {
  ours10: {
    group: 'ours',
    name: 'nest-durable, 10 in flight',
    engine: 'ours',
    options: { concurrency: 10 },
    latency: { direct: 200 },
    note: 'default options (`queues: { default: { concurrency: 10 } }`), log capture on',
  },
  ours100: {
    group: 'ours',
    name: 'nest-durable, 100 in flight',
    engine: 'ours',
    options: { concurrency: 100 },
    note: 'default options but `queues: { default: { concurrency: 100 } }`',
  },
  dbos: {
    group: 'dbos',
    name: 'DBOS Transact, defaults',
    engine: 'dbos',
    options: {},
    latency: { direct: 200, queued: 30 },
    note:
      'default options, one queue with no limits, as in its README: a worker takes the whole backlog. ' +
      'Queue and result are each polled once a second. Its queued latency is of 30 runs, so p99 is the slowest',
  },
  dbosFast: {
    group: 'dbos',
    name: 'DBOS Transact, tuned',
    engine: 'dbos',
    options: { poolSize: 20, pollMs: 10 },
    latency: { queued: 200 },
    note: 'as above with a pool of 20 connections (default 10), queue and result polled every 10 ms (default 1 000)',
  },
  pgEach: {
    group: 'pg',
    name: 'bare pg, one commit per write',
    engine: 'bare-pg',
    options: { batch: 1, lanes: 20, startsFirst: false },
    latency: { direct: 200 },
    note: '20 connections; the input and queue rows are written inside the clock, for the engines they are there before',
  },
  pgBatch: {
    group: 'pg',
    name: 'bare pg, batches of 50',
    engine: 'bare-pg',
    options: { batch: 50, lanes: 2, startsFirst: false },
    note: '2 connections, 50 runs share a statement and a commit; input and queue rows inside the clock',
  },
  pgBatchAfter: {
    group: 'pg',
    name: 'bare pg, batches of 50, starts before the clock',
    engine: 'bare-pg',
    options: { batch: 50, lanes: 2, startsFirst: true },
    note: 'as above, input and queue rows before the clock, as for the engines: the strictest floor, with no claim',
  },
};

/** Figure of the first divided by the same figure of the second. */
export const RATIOS = [
  ['ours100', 'dbos'],
  ['ours100', 'dbosFast'],
  ['ours10', 'dbosFast'],
  ['ours100', 'pgEach'],
  ['ours100', 'pgBatch'],
  ['ours100', 'pgBatchAfter'],
];
