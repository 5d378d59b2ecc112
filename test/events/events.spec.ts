import { DURABLE_EVENT_KINDS, type DurableEvent, getDurableEventsToken } from 'nest-durable';
import { jest } from '@jest/globals';
import { defer, repeat, retry } from 'rxjs';
import { DataSource } from 'typeorm';
import { uuidv7 } from '../../lib/core/uuid.js';
import { createTestDatabase } from '../support/database.js';
import { closeNodes, type EventNode, EverythingWorkflow, Heard, openNode, PlainWorkflow } from './support.js';
import { until } from '../support/until.js';

let url: string;
let worker: EventNode;
/** Executes nothing. */
let client: EventNode;

beforeEach(async () => {
  ({ url } = await createTestDatabase());
  worker = await openNode(url);
  client = await openNode(url, { workers: false });
});

afterEach(closeNodes);

const of = (events: readonly DurableEvent[], kind: string): DurableEvent[] => events.filter((e) => e.kind === kind);

/** Everything that can happen, from a node that listens to it all. */
async function everything(from: EventNode): Promise<{ all: Heard; steps: Heard[] }> {
  const { client: does } = client;
  const ids = [uuidv7(), uuidv7(), uuidv7()] as const;
  const all = new Heard(from.events.all());
  const steps = ids.map((id) => new Heard(from.events.workflow(id)));
  await until(() => ids.every((id) => [worker, client].every(({ hub }) => hub.wants(id) === 'steps')));
  const answer = async (id: string): Promise<void> => {
    await all.until((events) => of(events, 'input_requested').some((event) => event.executionId === id));
    await does.provideInput(id, 'colour', 'red');
    await does.sendEvent(id, 'paid', { amount: 1 });
  };
  const [good, bad, gone] = ids;
  const run = await does.start(EverythingWorkflow, {}, { id: good });
  await all.until((events) => of(events, 'workflow_waiting').length > 0);
  await run.pause();
  await all.until((events) => of(events, 'workflow_paused').length > 0);
  await run.resume();
  await answer(good);
  await run.result();
  await does.start(EverythingWorkflow, { fails: true }, { id: bad });
  await answer(bad);
  await all.until((events) => of(events, 'workflow_compensated').length > 0);
  await does.start(EverythingWorkflow, {}, { id: gone });
  await all.until((events) => of(events, 'input_requested').length === 3);
  await does.cancel(gone);
  await does.disableSchedule('yearly');
  const triggered = await does.triggerSchedule('yearly');
  await does.cancel(triggered.id);
  await all.until(
    (events) => of(events, 'workflow_cancelled').length === 2 && of(events, 'schedule_triggered').length > 0,
  );
  return { all, steps };
}

describe.each(['here', 'on another node'] as const)('what happens %s', (where) => {
  it('is told, each kind', async () => {
    const { all, steps } = await everything(where === 'here' ? worker : client);
    const [good, bad] = steps as [Heard, Heard];
    await good.until((events) => of(events, 'workflow_completed').length > 0);
    await bad.until((events) => of(events, 'workflow_compensated').length > 0);
    const told = new Set([...all.events, ...good.events, ...bad.events].map(({ kind }) => kind));
    const failures = ['workflow_failed', 'workflow_compensation_failed'];
    expect([...told].toSorted()).toEqual(DURABLE_EVENT_KINDS.filter((kind) => !failures.includes(kind)).toSorted());
    expect(all.kinds().filter((kind) => kind.startsWith('step_'))).toEqual([]);
    const ids = all.events.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const event of all.events) {
      expect(event).toMatchObject({ workflow: 'everything', time: expect.any(Date) });
    }
    const [asked] = of(good.events, 'input_requested');
    expect(asked).toMatchObject({ inputName: 'colour', step: 'ask', inputId: expect.any(String) });
    expect(of(good.events, 'input_provided')).toMatchObject([
      { inputId: asked?.inputId, inputName: 'colour', step: 'ask', path: 'ask' },
    ]);
    expect(of(good.events, 'event_received')).toMatchObject([{ eventName: 'paid' }]);
    expect(of(good.events, 'step_waiting')[0]).toMatchObject({
      step: 'ask',
      type: 'step',
      waits: [{ kind: 'input', names: ['colour'] }],
    });
    expect(of(bad.events, 'step_failed')).toMatchObject([
      { step: 'flaky', attempt: 1, retryAt: expect.any(Date), error: { name: 'Error', message: 'no' } },
      { step: 'flaky', attempt: 2, retryAt: null },
    ]);
    expect(of(bad.events, 'step_completed').map(({ step, type }) => [step, type])).toEqual([
      ['ask', 'step'],
      ['undo', 'compensate'],
    ]);
    expect(of(all.events, 'schedule_toggled')).toMatchObject([
      { executionId: null, schedule: 'yearly', enabled: false },
    ]);
  });
});

it('tells that a run has failed, and that it could not be undone', async () => {
  const all = new Heard(worker.events.all());
  const run = await worker.client.start(EverythingWorkflow, { fails: true });
  await all.until((events) => of(events, 'input_requested').length > 0);
  // Nothing has completed, so there is nothing to undo.
  await worker.client.cancelWait(run.id, { reason: 'enough' });
  await all.until((events) => of(events, 'workflow_failed').length > 0);
  expect(of(all.events, 'workflow_failed')).toMatchObject([
    { executionId: run.id, error: { name: 'WaitCancelledError', message: expect.stringContaining('enough') } },
  ]);
  const broken = await worker.client.start(EverythingWorkflow, { fails: true, broken: true });
  await all.until((events) => of(events, 'input_requested').length === 2);
  await broken.provideInput('colour', 'red');
  await broken.sendEvent('paid');
  await all.until((events) => of(events, 'workflow_compensation_failed').length > 0);
  expect(of(all.events, 'workflow_compensation_failed')).toMatchObject([{ executionId: broken.id }]);
});

it('schedules() and inputs() tell of those only, on another node too', async () => {
  const [schedules, inputs] = [new Heard(client.events.schedules()), new Heard(client.events.inputs())];
  await until(() => [worker, client].every(({ hub }) => hub.isWanted && hub.wants(uuidv7()) === 'run'));
  const run = await worker.client.start(EverythingWorkflow, {});
  await inputs.until((events) => events.length === 1);
  await run.provideInput('colour', 'blue');
  await inputs.until((events) => events.length === 2);
  await worker.client.updateSchedule('yearly', { cron: '* * * * * *' });
  await schedules.until((events) => events.length > 0);
  await worker.client.disableSchedule('yearly');
  await schedules.until((events) => of(events, 'schedule_toggled').length > 0);
  // Of this run only: those that the schedule starts each second ask too.
  expect(inputs.kinds(run.id)).toEqual(['input_requested', 'input_provided']);
  expect(schedules.events[0]).toMatchObject({ kind: 'schedule_triggered', schedule: 'yearly', workflow: 'everything' });
});

it('events sent in a transaction are told when they are taken in', async () => {
  const dataSource = await new DataSource({ type: 'postgres', url, installExtensions: false }).initialize();
  const run = await client.client.start(EverythingWorkflow, {});
  const heard = new Heard(worker.events.workflow(run.id));
  await heard.until((events) => of(events, 'input_requested').length > 0);
  await dataSource.transaction((manager) => client.client.sendEvent(run.id, 'paid', {}, { manager, dedupeKey: 'k' }));
  await dataSource.destroy();
  await heard.until((events) => of(events, 'event_received').length > 0);
  expect(of(heard.events, 'event_received')).toMatchObject([{ id: `${run.id}:received:k`, eventName: 'paid' }]);
});

it('is free where nobody listens', async () => {
  await until(() => !worker.hub.isWanted);
  await (await client.client.start(PlainWorkflow, {})).result();
  expect(worker.hub.wants(uuidv7())).toBe('nothing');
  const heard = new Heard(client.events.all());
  await until(() => worker.hub.isWanted);
  heard.end();
  await until(() => !worker.hub.isWanted);
});

it('can be injected by name, refuses an id that is none, and completes at shutdown', async () => {
  expect(worker.app.get(getDurableEventsToken())).toBeInstanceOf(worker.events.constructor);
  expect(() => worker.events.workflow('nonsense')).toThrow('expected a UUID');
  const heard = new Heard(worker.events.all());
  await until(() => worker.hub.isWanted);
  await closeNodes();
  expect(heard.completed).toBe(true);
});

it('has the time of the database, though the process that tells it has another and no workers', async () => {
  const { now } = Date;
  jest.spyOn(Date, 'now').mockImplementation(() => now() + 3_600_000);
  const early = await openNode(url, { workers: false });
  jest.restoreAllMocks();
  const run = await early.client.start(EverythingWorkflow, {});
  const heard = new Heard(worker.events.workflow(run.id));
  await until(() => early.hub.wants(run.id) === 'steps');
  await until(async () => (await run.execution())?.status === 'waiting');
  await run.pause();
  await heard.until((events) => of(events, 'workflow_paused').length > 0);
  const [paused] = of(heard.events, 'workflow_paused');
  expect(Math.abs(now() - (paused?.time.getTime() ?? 0))).toBeLessThan(600_000);
});

it('whoever subscribes again at once, at the shutdown and after it, leaves the event loop to others', async () => {
  let turn = 0;
  let open = true;
  const next = (): void => {
    turn++;
    if (open) setImmediate(next);
  };
  next();
  const inTurn = new Map<number, number>();
  const all = defer(() => {
    inTurn.set(turn, (inTurn.get(turn) ?? 0) + 1);
    return worker.events.all();
  });
  // Without an end it would not come back to this spec.
  const count = 1_000;
  all.pipe(repeat({ count })).subscribe({ error: () => {} });
  await until(() => worker.hub.isWanted);
  await closeNodes();
  await new Promise<void>((resolve) => {
    all.pipe(retry({ count })).subscribe({ error: () => resolve() });
  });
  open = false;
  expect(Math.max(...inTurn.values())).toBeLessThanOrEqual(2);
});
