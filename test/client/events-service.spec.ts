import type { INestApplicationContext } from '@nestjs/common';
import {
  Compensate,
  type DurableClient,
  DurableEvents,
  FatalError,
  Step,
  waitForEvent,
  waitForInput,
  Workflow,
} from 'nest-durable';
import { isObservable, type Observable, type Subscription } from 'rxjs';
import { createTestDatabase } from '../support/database.js';
import { openApp, reached } from '../support/plain-app.js';
import { until } from '../support/until.js';

/** DurableEvents */

@Workflow({ name: 'waiter' })
class WaiterWorkflow {
  @Step({ compensate: 'undo' })
  first() {}

  @Step()
  async second({ fail }: { fail?: boolean }) {
    await waitForEvent('go');
    if (fail === true) throw new FatalError('told to');
    await waitForInput('ask');
  }

  @Compensate()
  undo({ broken }: { broken?: boolean }) {
    if (broken === true) throw new Error('cannot');
  }
}

interface Told {
  readonly id: string;
  readonly kind: string;
  readonly executionId: string | null;
  readonly workflow: string | null;
  readonly time: Date;
}

class Ear {
  readonly heard: Told[] = [];
  private readonly subscription: Subscription;

  constructor(source: Observable<Told>) {
    this.subscription = source.subscribe((event) => this.heard.push(event));
  }

  kinds(run?: { id: string }): string[] {
    return this.heard.filter(({ executionId }) => run === undefined || executionId === run.id).map(({ kind }) => kind);
  }

  of(kind: string, run?: { id: string }): Promise<true> {
    return until(() => this.kinds(run).includes(kind));
  }

  end(): void {
    this.subscription.unsubscribe();
  }
}

const ears: Ear[] = [];
const apps: INestApplicationContext[] = [];
let client: DurableClient;
/** Of a process that executes nothing: what it hears happens elsewhere. */
let events: DurableEvents;

beforeAll(async () => {
  const { url } = await createTestDatabase();
  const worker = await openApp({ database: { url } }, [WaiterWorkflow]);
  const listener = await openApp({ database: { url }, workers: false });
  apps.push(worker.app, listener.app);
  ({ client } = worker);
  events = listener.app.get(DurableEvents);
});

afterEach(() => ears.splice(0).forEach((ear) => ear.end()));

afterAll(() => Promise.all(apps.map((app) => app.close())));

/** Listens, and returns once what happens is heard. */
async function listen(source: Observable<Told>): Promise<Ear> {
  const ear = new Ear(source);
  ears.push(ear);
  return ear;
}

/** Of subscriptions to everything: runs are started until one is heard of. */
async function listenToAll(source: Observable<Told>): Promise<Ear> {
  const ear = await listen(source);
  while (ear.heard.length === 0) {
    const run = await client.start(WaiterWorkflow, {}, { delay: 3_600_000 });
    await run.cancel();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return ear;
}

it('the observables are RxJS observables', () => {
  for (const source of [
    events.all(),
    events.workflow('0199a1de-0000-7000-8000-000000000000'),
    events.schedules(),
    events.inputs(),
  ]) {
    expect(isObservable(source)).toBe(true);
  }
});

it('all() tells of runs on other nodes, and of no steps', async () => {
  const ear = await listenToAll(events.all());
  const run = await client.start(WaiterWorkflow, {});
  await reached(client, run.id, 'waiting');
  await ear.of('workflow_waiting', run);
  await run.sendEvent('go');
  await until(async () => (await client.listPendingInputs({ executionId: run.id })).length === 1);
  await run.pause();
  await ear.of('workflow_paused', run);
  await run.resume();
  await run.provideInput('ask', 1);
  await run.result();
  await ear.of('workflow_completed', run);
  const kinds = ear.kinds(run);
  expect(kinds[0]).toBe('workflow_started');
  expect(kinds).toEqual(
    expect.arrayContaining(['event_received', 'input_requested', 'input_provided', 'workflow_resumed']),
  );
  expect(kinds.filter((kind) => kind.startsWith('step_'))).toEqual([]);
  for (const event of ear.heard) {
    expect(event).toMatchObject({ id: expect.any(String), kind: expect.any(String), workflow: 'waiter' });
    expect(event.time).toBeInstanceOf(Date);
  }
});

it('all() tells of failures and rollbacks', async () => {
  const ear = await listenToAll(events.all());
  const undone = await client.start(WaiterWorkflow, { fail: true });
  const broken = await client.start(WaiterWorkflow, { fail: true, broken: true });
  const cancelled = await client.start(WaiterWorkflow, {});
  for (const run of [undone, broken]) await run.sendEvent('go');
  await reached(client, cancelled.id, 'waiting');
  await cancelled.cancel();
  await ear.of('workflow_compensating', undone);
  await ear.of('workflow_compensated', undone);
  await ear.of('workflow_compensation_failed', broken);
  await ear.of('workflow_cancelled', cancelled);
  expect(ear.kinds(undone).indexOf('workflow_compensating')).toBeLessThan(
    ear.kinds(undone).indexOf('workflow_compensated'),
  );
});

it('workflow(id) tells all of one run, steps included', async () => {
  const run = await client.start(WaiterWorkflow, {}, { delay: 3_600_000 });
  const other = await client.start(WaiterWorkflow, {});
  const handle = await client.start(WaiterWorkflow, {});
  const ear = await listen(events.workflow(handle.id));
  await reached(client, handle.id, 'waiting');
  await handle.sendEvent('go');
  await until(async () => (await client.listPendingInputs({ executionId: handle.id })).length === 1);
  await handle.provideInput('ask', 1);
  await handle.result();
  await ear.of('workflow_completed');
  expect(ear.kinds()).toEqual(expect.arrayContaining(['step_completed']));
  expect(new Set(ear.heard.map(({ executionId }) => executionId))).toEqual(new Set([handle.id]));
  await Promise.all([run.cancel(), other.cancel()]);
});

it('workflow(id) tells of failed steps', async () => {
  const run = await client.start(WaiterWorkflow, { fail: true });
  await reached(client, run.id, 'waiting');
  const ear = await listen(events.workflow(run.id));
  await run.sendEvent('go');
  await reached(client, run.id, 'compensated');
  await ear.of('workflow_compensated');
  expect(ear.kinds()).toContain('step_failed');
});

it('inputs() tells of inputs alone', async () => {
  const ear = await listen(events.inputs());
  // The subscription is on its way to the other process.
  while (!ear.kinds().includes('input_provided')) {
    const run = await client.start(WaiterWorkflow, {});
    await run.sendEvent('go');
    await until(async () => (await client.listPendingInputs({ executionId: run.id })).length === 1);
    await run.provideInput('ask', 1);
    await run.result();
  }
  const kinds = new Set(ear.kinds());
  expect([...kinds].filter((kind) => !kind.startsWith('input_'))).toEqual([]);
});

it('schedules() tells of schedules alone', async () => {
  const ear = await listen(events.schedules());
  await client.schedule(WaiterWorkflow, '@yearly', { name: 'yearly' });
  while (!(ear.kinds().includes('schedule_toggled') && ear.kinds().includes('schedule_triggered'))) {
    await client.disableSchedule('yearly');
    await client.enableSchedule('yearly');
    await (await client.triggerSchedule('yearly')).cancel();
  }
  expect(new Set(ear.kinds())).toEqual(new Set(['schedule_toggled', 'schedule_triggered']));
});
