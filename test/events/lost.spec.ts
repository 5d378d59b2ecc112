import { Pool } from 'pg';
import { createTestDatabase } from '../support/database.js';
import { startProxy } from '../support/tcp-proxy.js';
import { closeNodes, EverythingWorkflow, Heard, openNode, PlainWorkflow } from './support.js';
import { until } from '../support/until.js';
import { uuidv7 } from '../../lib/core/uuid.js';

afterEach(closeNodes);

it('what was missed while the connection was lost is found in the tables', async () => {
  const { url } = await createTestDatabase();
  const proxy = await startProxy(Number(new URL(url).port));
  try {
    const worker = await openNode(url);
    const client = await openNode(proxy.through(url), { workers: false });
    const id = uuidv7();
    const [all, one] = [new Heard(client.events.all()), new Heard(client.events.workflow(id))];
    await until(() => worker.hub.wants(id) === 'steps');
    const first = await worker.client.start(PlainWorkflow, {});
    await all.until((events) => events.some((e) => e.executionId === first.id && e.kind === 'workflow_completed'));

    await proxy.down();
    await (await worker.client.start(PlainWorkflow, {}, { id })).result();
    const missed = await worker.client.start(EverythingWorkflow, {});
    await until(async () => (await worker.client.listPendingInputs({ executionId: missed.id })).length > 0);
    expect(all.kinds(id)).toEqual([]);
    await proxy.up();

    await all.until((events) => events.some((e) => e.executionId === missed.id && e.kind === 'workflow_waiting'));
    expect(all.kinds(id)).toEqual(['workflow_started', 'workflow_completed']);
    expect(all.kinds(missed.id)).toEqual(['workflow_started', 'workflow_waiting']);
    await one.until((events) => events.some((e) => e.kind === 'workflow_completed'));
    expect(one.kinds().toSorted()).toEqual(['step_completed', 'workflow_completed', 'workflow_started']);
    // What was told already is not told again.
    expect(all.kinds(first.id)).toEqual(['workflow_started', 'workflow_completed']);
    // And events arrive again.
    const last = await worker.client.start(PlainWorkflow, {});
    await all.until((events) => events.some((e) => e.executionId === last.id && e.kind === 'workflow_completed'));
  } finally {
    await closeNodes();
    await proxy.close();
  }
});

it('what a process told nobody before it died is found when it is declared dead', async () => {
  const { url } = await createTestDatabase();
  // Says nothing to others, as one that is killed right after each commit.
  const silent = await openNode(url, { notify: false });
  const client = await openNode(url, { workers: false });
  const all = new Heard(client.events.all());
  await all.until(() => client.hub.isWanted);
  const pool = new Pool({ connectionString: url });
  try {
    const run = await silent.client.start(PlainWorkflow, {});
    await run.result();
    await pool.query(`INSERT INTO durable.workers (host, pid, version, queues, definitions, seen_at, expires_at, dead_at)
      VALUES ('gone', 1, '0', '{}', '{}', now() - interval '1 s', now(), now())`);
    await all.until((events) => events.some((e) => e.executionId === run.id && e.kind === 'workflow_completed'));
    expect(all.kinds(run.id)).toEqual(['workflow_started', 'workflow_completed']);
  } finally {
    await pool.end();
  }
});

it('without notifications one run is polled, and the rest is told where it happens', async () => {
  const { url } = await createTestDatabase();
  const worker = await openNode(url, { notify: false });
  const client = await openNode(url, { notify: false, workers: false });
  const id = uuidv7();
  const [here, there, one] = [
    new Heard(worker.events.all()),
    new Heard(client.events.all()),
    new Heard(client.events.workflow(id)),
  ];
  await until(() => worker.hub.wants(id) !== 'nothing' && client.hub.wants(id) === 'steps');
  const run = await worker.client.start(EverythingWorkflow, {}, { id });
  await one.until((events) => events.some((e) => e.kind === 'input_requested'));
  await worker.client.provideInput(run.id, 'colour', 'red');
  await worker.client.sendEvent(run.id, 'paid');
  await one.until((events) => events.some((e) => e.kind === 'workflow_completed'));
  for (const kind of ['workflow_started', 'step_waiting', 'input_provided', 'event_received', 'step_completed']) {
    expect(one.kinds()).toContain(kind);
  }
  await here.until((events) => events.some((e) => e.kind === 'workflow_completed'));
  expect(there.kinds()).toEqual([]);
});
