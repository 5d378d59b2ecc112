/** Node's room for young objects, for those that are tuned: with many runs in flight much of it is alive at each collection. */
const TUNED_NODE = ['--max-semi-space-size=64'];
const TUNED_NODE_NOTE = '`node --max-semi-space-size=64`';

/**
 * Who takes part, with which settings, and what a reader has to know about them. `latency` is how many runs in sequence
 * for each way of starting one; `steps` which numbers of steps it can take (all, where it is not there), and `needs` a
 * program without which it is left out; `node` what its process is begun with.
 *
 * DBOS settings tried at a backlog of 2 000, 3 steps: pools of 5, 10, 20 and 50 connections, worker concurrency 20, 100,
 * 500 and none, polls every 5 to 1 000 ms, twice each on a busy machine. No limit was the fastest in the median; the
 * differences between the pools, and between the defaults and the tuned settings, were within the noise.
 *
 * Restate settings tried at backlogs of 3 000 and 5 000, 3 steps: 1, 2, 4 and 24 partitions, 5, 20, 40 and 1 000 invocations at
 * a time of each partition, batches of 32 and 256 commands, one to four times each on a busy machine. Two partitions took
 * the least CPU; no limit of the invocations was clearly faster than its default.
 */
export const CONTESTANTS = {
  ours: {
    group: 'ours',
    name: 'nest-durable, defaults',
    engine: 'ours',
    options: { concurrency: 50 },
    latency: { direct: 200 },
    note: 'default options (`queues: { default: { concurrency: 50 } }`), log capture on',
  },
  ours100: {
    group: 'ours',
    name: 'nest-durable, 100 in flight',
    engine: 'ours',
    options: { concurrency: 100 },
    note: 'default options but `queues: { default: { concurrency: 100 } }`',
  },
  ours400: {
    group: 'ours',
    name: 'nest-durable, 400 in flight',
    engine: 'ours',
    options: { concurrency: 400 },
    node: TUNED_NODE,
    note: `default options but \`queues: { default: { concurrency: 400 } }\`, and ${TUNED_NODE_NOTE}: its best here`,
  },
  ours10000: {
    group: 'ours',
    name: 'nest-durable, 10 000 in flight',
    engine: 'ours',
    options: { concurrency: 10_000 },
    steps: [3],
    note: 'default options but `queues: { default: { concurrency: 10_000 } }`: a backlog of 5 000 is all in flight',
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
    node: TUNED_NODE,
    latency: { queued: 200 },
    note: `as above with a pool of 20 connections (default 10), queue and result polled every 10 ms (default 1 000), and ${TUNED_NODE_NOTE}`,
  },
  openworkflow: {
    group: 'peers',
    name: 'OpenWorkflow, 100 in flight',
    engine: 'openworkflow',
    options: { concurrency: 100 },
    note: 'its PostgreSQL backend, `newWorker({ concurrency: 100 })`',
  },
  graphile: {
    group: 'peers',
    name: 'Graphile Worker, defaults, 100 in flight',
    engine: 'graphile-worker',
    options: { concurrency: 100 },
    steps: [1],
    note: 'jobs, not workflows: one step; a job that is done is deleted, so nothing can be looked up. `concurrency: 100`',
  },
  graphileFast: {
    group: 'peers',
    name: 'Graphile Worker, batched',
    engine: 'graphile-worker',
    options: {
      concurrency: 100,
      preset: { localQueue: { size: 500 }, completeJobBatchDelay: 0, failJobBatchDelay: 0 },
    },
    node: TUNED_NODE,
    steps: [1],
    note: 'as above with `localQueue: { size: 500 }` and batched completions: 500 jobs are taken at a time, those of a process that dies wait for hours; and `node --max-semi-space-size=64`',
  },
  pgBoss: {
    group: 'peers',
    name: 'pg-boss, batches of 100',
    engine: 'pg-boss',
    options: { workers: 20, batchSize: 100 },
    steps: [1],
    note: 'jobs, not workflows: one step; 20 `work` loops of `batchSize: 100` that look every half second, its shortest; a batch is completed, or fails, as a whole. The last version for Node 20',
  },
  bullmq: {
    group: 'peers',
    name: 'BullMQ, Redis with fsync every second',
    engine: 'bullmq',
    options: { concurrency: 100, fsync: 'everysec' },
    steps: [1],
    needs: 'redis-server',
    note: 'jobs, not workflows: one step; `concurrency: 100`; a Redis server of its own, `appendonly yes`. A crash of the server loses up to a second of what was acknowledged',
  },
  bullmqSafe: {
    group: 'peers',
    name: 'BullMQ, Redis with fsync always',
    engine: 'bullmq',
    options: { concurrency: 100, fsync: 'always' },
    steps: [1],
    needs: 'redis-server',
    note: 'as above with `appendfsync always`: as durable as the others here',
  },
  restate: {
    group: 'peers',
    name: 'Restate, defaults',
    engine: 'restate',
    options: {},
    latency: { direct: 200 },
    note:
      'default settings (but it waits for a silent worker while the backlog is written), a service with `ctx.run` for each step. ' +
      'A server of its own with its own storage, no PostgreSQL, under the Business Source License. As durable as the others here: ' +
      'one node that flushes its log (`fdatasync`) before it acknowledges a start or a step, many in one flush ' +
      '(`rocksdb-disable-wal-fsync = false`, its default). It pushes: by default up to 1 000 runs at a time for each of 24 ' +
      'partitions, thus the whole backlog, to a worker that does not read yet. Its clock starts when the worker begins to read. ' +
      'Done is what its `sys_invocation_status` has as completed',
  },
  restateTuned: {
    group: 'peers',
    name: 'Restate, two partitions',
    engine: 'restate',
    options: { settings: { RESTATE_DEFAULT_NUM_PARTITIONS: '2' } },
    node: TUNED_NODE,
    latency: { direct: 200 },
    note: `as above with \`default-num-partitions = 2\` (default 24), thus up to 2 000 runs at a time: what took the least CPU here, and ${TUNED_NODE_NOTE}`,
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
  ['ours', 'dbos'],
  ['ours100', 'dbos'],
  ['ours100', 'dbosFast'],
  ['ours400', 'dbosFast'],
  ['ours100', 'openworkflow'],
  ['ours100', 'graphile'],
  ['ours100', 'graphileFast'],
  ['ours100', 'pgBoss'],
  ['ours100', 'bullmq'],
  ['ours100', 'bullmqSafe'],
  ['ours100', 'restate'],
  ['ours100', 'restateTuned'],
  ['ours100', 'pgEach'],
  ['ours100', 'pgBatch'],
  ['ours400', 'restate'],
  ['ours400', 'pgBatch'],
  ['ours100', 'pgBatchAfter'],
];
