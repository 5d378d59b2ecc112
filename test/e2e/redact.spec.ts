import { type INestApplicationContext, Logger, type Provider } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import {
  Validate,
  type ValidationArguments,
  ValidatorConstraint,
  type ValidatorConstraintInterface,
} from 'class-validator';
import {
  callWorkflow,
  Compensate,
  currentAttempt,
  DurableClient,
  type DurableEvent,
  DurableEvents,
  DurableModule,
  ForEach,
  once,
  Parallel,
  Schedule,
  Step,
  waitForEvent,
  waitForForm,
  waitForInput,
  Workflow,
  workflowInput,
} from 'nest-durable';
import { inspect } from 'node:util';
import pg from 'pg';
import { encode } from '../../lib/core/codec/codec.js';
import { encodeLine, logText } from '../../lib/core/run/log-entry.js';
import { compileRedaction } from '../../lib/core/redact/redact.js';
import { packEvents } from '../../lib/events/sender.js';
import { PgEventReads } from '../../lib/storage/reads/event-reads.js';
import { channelOf } from '../../lib/storage/notify/listener.js';
import { AttemptLogs } from '../../lib/storage/reads/log-rows.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { expectInvariants } from '../support/invariants.js';
import { until } from '../support/until.js';

/** What must not be shown, in all that a run carries. */
const S = 'hunter2';
const PATHS = ['**.secret', 'card.number', '*.card.number', '**.iban', 'message', 'reason'];
const CARD = { number: S, brand: 'visa' };
const logger = new Logger('Vault');

interface Order {
  readonly secret: string;
  readonly card: typeof CARD;
  readonly items: readonly { readonly iban: string; readonly n: number }[];
  readonly map: Map<string, unknown>;
  readonly fails: boolean;
}

function order(fails = false): Order {
  const items = [1, 2].map((n) => ({ iban: S, n }));
  return { secret: S, card: CARD, items, map: new Map<string, unknown>([['secret', S], ['x', 1]]), fails }; // prettier-ignore
}

function broken(): Error {
  const cause = Object.assign(new Error(`inner ${S}`), { card: CARD });
  return Object.assign(new Error(`no ${S}`, { cause }), { secret: S, card: CARD, own: 'kept' });
}

/** What the code of steps saw, by what it was. */
let seen: Record<string, unknown[]> = {};
function see(what: string, value: unknown): void {
  (seen[what] ??= []).push(value);
}

@Workflow({ name: 'plain' })
@Schedule({ name: 'yearly', cron: '0 0 1 1 *', input: { secret: S, card: CARD, other: 'kept' } })
class PlainWorkflow {
  @Step()
  only(data: object) {
    see('plain', data);
    return { ...data, done: true };
  }
}

@Workflow({ name: 'form' })
class FormWorkflow {
  @Step()
  async ask() {
    return waitForForm<{ secret: number }>('form', { fields: [{ name: 'secret', type: 'number' }] });
  }
}

let valid = true;

@ValidatorConstraint({ name: 'asTheTestSays' })
class AsTheTestSays implements ValidatorConstraintInterface {
  validate(): boolean {
    return valid;
  }

  defaultMessage({ value }: ValidationArguments): string {
    return `the test does not like ${String(value)}`;
  }
}

class StrictInput {
  @Validate(AsTheTestSays)
  secret!: string;
}

@Workflow({ name: 'strict', input: StrictInput })
class StrictWorkflow {
  @Step()
  nothing() {}
}

/** The same, with a schedule. */
@Workflow({ name: 'strict', input: StrictInput })
@Schedule({ name: 'strictly', cron: '0 0 1 1 *', input: { secret: S } })
class StrictlyWorkflow {
  @Step()
  nothing() {}
}

@Workflow({ name: 'vault' })
class VaultWorkflow {
  @Step({ compensate: 'undo', retry: { maxAttempts: 2, initialDelay: 1 } })
  async open(data: Order) {
    see('input', [data, workflowInput()]);
    logger.log({ secret: S, shown: 'in an object' });
    logger.warn('beside', { secret: S, card: CARD });
    logger.error(broken());
    console.log('%j', { card: CARD, in: [{ secret: S }] });
    see('once', await once('token', () => ({ secret: S })));
    see('answer', await waitForInput('answer', { prompt: 'Well?', metadata: { secret: S, card: CARD } }));
    see('event', await waitForEvent('paid'));
    see('child', await callWorkflow(PlainWorkflow, { secret: S, of: 'vault' }));
    if (currentAttempt() === 1) throw broken();
    return { ...data, opened: { secret: S } };
  }

  @ForEach('pay')
  each(data: Order) {
    return [...data.items];
  }

  @Step()
  pay(item: object) {
    see('item', item);
    return item;
  }

  @Parallel(['left', 'right'], { onError: 'completeAll' })
  both(_: Order, results: object) {
    see('results', results);
  }

  @Step()
  left() {
    return { secret: S };
  }

  @Step()
  right() {
    throw Object.assign(new Error('right'), { secret: S });
  }

  @Step()
  last(data: Order) {
    see('last', data);
    if (data.fails) throw broken();
  }

  @Compensate()
  undo(data: object, info: { error: unknown; current: unknown }) {
    see('undo', [data, info.error, info.current]);
    throw broken();
  }
}

interface Node {
  readonly client: DurableClient;
  readonly events: DurableEvents;
}

let database: TestDatabase;
let pool: pg.Pool;
/** A session that hears what the processes send each other. */
let wire: pg.Client;
/** A worker that shows nothing of it, one that executes nothing and shows nothing, and one that shows it all. */
let worker: Node;
let other: Node;
let open: Node;
const apps: INestApplicationContext[] = [];
const printed: unknown[][] = [];
const original = console.log;

beforeAll(async () => {
  database = await createTestDatabase();
  pool = new pg.Pool({ connectionString: database.url, max: 2 });
  wire = new pg.Client({ connectionString: database.url });
  await wire.connect();
  console.log = (...args: unknown[]) => void printed.push(args);
  worker = await node(PATHS);
  other = await node(PATHS, false);
  open = await node([], false);
});

afterAll(async () => {
  console.log = original;
  await Promise.all(apps.map((app) => app.close()));
  await wire.end();
  await pool.end();
});

beforeEach(() => {
  seen = {};
  printed.length = 0;
});

async function node(
  redact: string[],
  workers = true,
  providers: Provider[] = [VaultWorkflow, PlainWorkflow, FormWorkflow, StrictWorkflow],
): Promise<Node> {
  const note = (...args: unknown[]) => void printed.push(args);
  const logs = { metadata: ['secret', 'card'] };
  const module = await Test.createTestingModule({
    imports: [DurableModule.forRoot({ database: { url: database.url }, redact, workers, logs })],
    providers,
  })
    .setLogger({ log: note, warn: note, error: note, debug: note, verbose: note, fatal: note })
    .compile();
  const app = await module.init();
  apps.push(app);
  return { client: app.get(DurableClient), events: app.get(DurableEvents) };
}

/** Everything in it, fields that are not enumerable, maps and stacks included. */
function textOf(value: unknown): string {
  return inspect(value, { depth: null, showHidden: true, maxArrayLength: null, maxStringLength: null });
}

/** What there is to wait for is given to it; the run goes on without help from then on. */
async function feed(id: string): Promise<void> {
  const { client } = worker;
  await until(async () => (await client.listPendingInputs({ executionId: id })).length > 0);
  await client.provideInput(id, 'answer', { secret: S, shown: 'answer' });
  await client.sendEvent(id, 'paid', { secret: S });
}

/** What each read gives of the run. */
async function reads({ client }: Node, id: string): Promise<Record<string, unknown>> {
  return {
    execution: await client.getExecution(id),
    handle: await client.handle(id).execution(),
    withSteps: await client.getExecution(id, { includeSteps: true }),
    withLogs: await client.getExecution(id, { includeLogs: true }),
    steps: await client.getSteps(id),
    logs: await client.getLogs(id),
    list: await client.listExecutions(),
    children: await client.listChildren(id),
    workflows: await client.listWorkflows(),
    inputs: await client.listPendingInputs({ status: ['pending', 'completed'] }),
    events: await client.listPendingEvents({ status: ['pending', 'completed'] }),
    error: await client.handle(id).result().catch((error: unknown) => error), // prettier-ignore
  };
}

/** Those of them that show it. */
function showing(read: Record<string, unknown>): string[] {
  return Object.keys(read).filter((key) => textOf(read[key]).includes(S));
}

it('is true for steps, and for whoever asks for the result', async () => {
  const run = await worker.client.start(VaultWorkflow, order());
  await feed(run.id);
  const result = await run.result();
  expect(result).toMatchObject({ ...order(), opened: { secret: S }, __results__: { left: { value: { secret: S } } } });
  expect(seen['input']?.every((one) => textOf(one) === textOf([order(), order()]))).toBe(true);
  expect(seen['once']?.every((one) => textOf(one) === textOf({ secret: S }))).toBe(true);
  expect(seen['answer']?.[0]).toEqual({ secret: S, shown: 'answer' });
  expect(seen['event']?.[0]).toEqual({ secret: S });
  expect(seen['plain']).toEqual([{ secret: S, of: 'vault' }]);
  expect(seen['child']?.[0]).toEqual({ secret: S, of: 'vault', done: true });
  expect(seen['item']).toEqual(order().items);
  expect(textOf(seen['results']).match(/hunter2/g)).toHaveLength(2);
  expect(seen['last']).toEqual([result]);
  expect(await other.client.handle(run.id).result()).toEqual(result);

  const hidden = await reads(other, run.id);
  expect(showing({ ...hidden, error: null })).toEqual([]);
  expect(hidden['execution']).toMatchObject({
    input: { secret: '[redacted]', card: { number: '[redacted]', brand: 'visa' }, items: [{ n: 1 }, { n: 2 }] },
    data: { map: new Map<string, unknown>([['secret', '[redacted]'], ['x', 1]]), opened: { secret: '[redacted]' } },
  }); // prettier-ignore
  expect(hidden['inputs']).toMatchObject([
    { prompt: 'Well?', metadata: { secret: '[redacted]', card: { brand: 'visa' } }, response: { shown: 'answer' } },
  ]);
  expect(showing(await reads(open, run.id))).toEqual([
    'execution', 'handle', 'withSteps', 'withLogs', 'steps', 'inputs', 'error',
  ]); // prettier-ignore
});

it('is hidden while a run waits, and when it has failed and was undone', async () => {
  const { client } = worker;
  const run = await client.start(VaultWorkflow, order(true));
  await until(async () => (await client.listPendingInputs({ executionId: run.id })).length > 0);
  const early = { steps: await client.getSteps(run.id), inputs: await client.listPendingInputs() };
  expect(early.steps).toMatchObject([{ status: 'waiting', input: { secret: '[redacted]' } }]);
  expect(showing(early)).toEqual([]);
  await feed(run.id);

  const error: unknown = await run.result().catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({
    code: 'WORKFLOW_FAILED',
    status: 'compensation_failed',
    message: `Run "${run.id}" ended as compensation_failed: Error: [redacted]`,
    cause: {
      name: 'Error',
      message: '[redacted]',
      secret: '[redacted]',
      own: 'kept',
      cause: { card: { brand: 'visa' } },
    },
  });
  const [data, why, current] = (seen['undo']?.[0] ?? []) as [Order, object, Order];
  expect([data.secret, current.secret]).toEqual([S, S]);
  expect(why).toMatchObject({ message: `no ${S}`, secret: S, cause: { card: CARD } });

  for (const from of [worker, other]) expect(showing(await reads(from, run.id))).toEqual([]);
  const execution = await client.getExecution(run.id, { includeSteps: true });
  expect(execution).toMatchObject({
    error: { name: 'Error', message: '[redacted]', secret: '[redacted]', own: 'kept' },
    compensationResults: [{ status: 'failed', error: { secret: '[redacted]', own: 'kept' } }],
  });
  const failed = execution?.steps
    ?.filter(({ status }) => status === 'failed')
    .map(({ step, error: of }) => [step, of?.['own']]);
  expect(failed).toEqual([['open', 'kept'], ['right', undefined], ['last', 'kept'], ['undo', 'kept']]); // prettier-ignore
  expect(showing(await reads(open, run.id))).toEqual([
    'execution', 'handle', 'withSteps', 'withLogs', 'steps', 'list', 'workflows', 'inputs', 'error',
  ]); // prettier-ignore
});

it('is not kept of what steps log, and printed as ever', async () => {
  const { client } = open;
  const run = await worker.client.start(VaultWorkflow, order());
  await feed(run.id);
  await run.result();
  const logs = await client.getLogs(run.id, 'open');
  expect(textOf(logs)).not.toContain(S);
  expect(logs[0]?.message).toBe(`{ secret: '[redacted]', shown: 'in an object' }`);
  expect(logs[1]).toMatchObject({
    message: 'beside', metadata: { secret: '[redacted]', card: { number: '[redacted]', brand: 'visa' } },
  }); // prettier-ignore
  expect(logs[2]?.message).toMatch(/^Error: \[redacted\]\n +at broken/);
  expect(logs[3]?.message).toBe('{"card":{"number":"[redacted]","brand":"visa"},"in":[{"secret":"[redacted]"}]}');
  expect(textOf(printed.filter(([first]) => first === '%j')[0])).toContain(S);

  // What was kept before the path was given, or by a process that does not have it.
  const text = logText([{ time: 0, line: encodeLine({ level: 'log', message: 'm', metadata: { card: CARD } }) }], 0);
  const kept = new AttemptLogs(
    [{ seq: 1, round: 1, visit: 1, attempt: 1, path: 'open', logs: text }],
    compileRedaction(PATHS),
  );
  expect(kept.all()).toMatchObject([{ metadata: { card: { number: '[redacted]', brand: 'visa' } } }]);
});

it('is true in runs that are made of others, and of schedules', async () => {
  const { client } = worker;
  const first = await client.start(PlainWorkflow, { secret: S, card: CARD });
  await first.result();
  const again = await other.client.retry(first.id);
  expect(await again.result()).toEqual({ secret: S, card: CARD, done: true });
  const restarted = await other.client.restartFrom(first.id, 'only');
  expect(await restarted.result()).toEqual({ secret: S, card: CARD, done: true });

  const input = { secret: S, card: CARD, other: 'kept' };
  const shown = { secret: '[redacted]', card: { number: '[redacted]', brand: 'visa' }, other: 'kept' };
  await pool.query('UPDATE durable.scheduled_workflows SET last_error = $1, last_error_at = now() WHERE name = $2', [
    encode({ name: 'Error', message: `no ${S}`, secret: S }),
    'yearly',
  ]);
  const lastError = { name: 'Error', message: '[redacted]', secret: '[redacted]' };
  expect(await other.client.getSchedule('yearly')).toMatchObject({ input: shown, lastError });
  expect(await other.client.listSchedules()).toMatchObject([{ input: shown, lastError }]);
  expect(await other.client.updateSchedule('yearly', { timezone: 'Europe/Berlin' })).toMatchObject({ input: shown });
  expect(await other.client.disableSchedule('yearly')).toMatchObject({ input: shown });
  expect(await other.client.enableSchedule('yearly')).toMatchObject({ input: shown });
  expect(await (await other.client.triggerSchedule('yearly')).result()).toEqual({ ...input, done: true });
  const made = await other.client.schedule(PlainWorkflow, '@yearly', { name: 'own', input });
  expect(made).toMatchObject({ input: shown });
  expect(await (await other.client.triggerSchedule('own')).result()).toEqual({ ...input, done: true });
  expect(await other.client.updateSchedule('own', { input: { secret: S, other: 'changed' } })).toMatchObject({
    input: { secret: '[redacted]', other: 'changed' },
  });
  expect(await open.client.getSchedule('own')).toMatchObject({ input: { secret: S, other: 'changed' } });
  expect(textOf(await other.client.listSchedules())).not.toContain(S);
});

it('is not in the log when a schedule cannot start its run', async () => {
  const told = (text: string): string[] => printed.flat().map(String).filter((line) => line.includes(text)); // prettier-ignore
  try {
    await worker.client.schedule(StrictWorkflow, '@yearly', { name: 'strictly', input: { secret: S } });
    valid = false;
    await pool.query(`UPDATE durable.scheduled_workflows SET next_run_at = now() WHERE name = 'strictly'`);
    await worker.client.sweep();
    await until(() => told('strictly').length > 0);
    expect(told('strictly')).toEqual(['Schedule "strictly" could not start its run: InvalidInputError: [redacted].']);
    // In the database it is as it was.
    expect((await open.client.getSchedule('strictly'))?.lastError?.message).toContain(`does not like ${S}`);

    printed.length = 0;
    await node(PATHS, false, [StrictlyWorkflow]);
    expect(told('"strictly"')).toEqual([
      'Schedule "strictly" of StrictlyWorkflow will not be able to start its runs. [redacted]',
    ]);
    printed.length = 0;
    await node([], false, [StrictlyWorkflow]);
    expect(told('strictly')[0]).toContain(`does not like ${S}`);
  } finally {
    valid = true;
    await worker.client.deleteSchedule('strictly');
  }
});

it('is hidden in what a cancelled run, and a refused answer, say', async () => {
  const cancelled = await worker.client.start(VaultWorkflow, order());
  await cancelled.cancel(S);
  const error: unknown = await cancelled.result().catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: 'WORKFLOW_CANCELLED', reason: '[redacted]' });
  expect(textOf(error)).not.toContain(S);
  expect(showing(await reads(worker, cancelled.id))).toEqual([]);

  const asks = await worker.client.start(FormWorkflow, {});
  await until(async () => (await asks.execution())?.status === 'waiting');
  const refused: unknown = await asks.provideInput('form', { secret: S }).catch((thrown: unknown) => thrown);
  expect(refused).toMatchObject({
    violations: [{ path: 'secret', message: 'expected a finite number, got the string "[redacted]"' }],
  });
  expect(textOf(refused)).not.toContain(S);
});

it('is in no event, in this process, in another, and on the way there', async () => {
  const sent: string[] = [];
  wire.on('notification', ({ payload }) => sent.push(payload ?? ''));
  await wire.query(`LISTEN ${channelOf('durable')}_events`);
  const run = await worker.client.start(VaultWorkflow, order(true), { delay: 600_000 });
  const heard = [worker, other].flatMap(({ events }) =>
    [events.all(), events.workflow(run.id), events.inputs(), events.schedules()].map((observable) => {
      const got: DurableEvent[] = [];
      return { got, subscription: observable.subscribe((event) => got.push(event)) };
    }),
  );
  const told = (): DurableEvent[] => heard.flatMap(({ got }) => got);
  const count = (kind: string): number => told().filter((event) => event.kind === kind).length;
  // What the other node wants to hear is known when its subscribers hear of something.
  const [, , , , elsewhere] = heard;
  while (elsewhere?.got.length === 0) {
    await run.pause();
    await run.resume();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await pool.query(`UPDATE durable.workflow_queue SET due_at = now() WHERE id = $1`, [run.id]);
  await feed(run.id);
  await worker.client.disableSchedule('yearly');
  await worker.client.enableSchedule('yearly');
  await worker.client.triggerSchedule('yearly');
  const kinds = [
    'workflow_compensation_failed',
    'step_failed',
    'input_requested',
    'input_provided',
    'schedule_triggered',
  ];
  await until(() => kinds.every((kind) => count(kind) >= 2) && count('workflow_compensation_failed') >= 4);
  await until(() => sent.some((payload) => payload.includes('workflow_compensation_failed')));
  expect(sent.join('\n')).not.toContain(S);
  // A process that has not heard of the paths.
  const error = { name: 'Error', message: S };
  const foreign = { id: 'x', kind: 'workflow_failed', executionId: run.id, workflow: 'vault', time: 0, error } as const;
  const [payload] = packEvents([foreign], 'tag of another');
  await wire.query('SELECT pg_notify($1, $2)', [`${channelOf('durable')}_events`, payload]);
  await until(() => heard.every(({ got }, at) => at % 4 > 1 || got.some(({ id }) => id === 'x')));
  for (const { subscription } of heard) subscription.unsubscribe();

  expect(textOf(told())).not.toContain(S);
  expect(told().find(({ kind }) => kind === 'workflow_compensation_failed')?.error).toEqual({
    name: 'Error',
    message: '[redacted]',
  });
  expect(told().find(({ kind, step }) => kind === 'step_failed' && step === 'open')?.error?.message).toBe('[redacted]');
});

it('is in no event that the tables tell of', async () => {
  const told = (paths: string[]) =>
    new PgEventReads(pool, 'durable', compileRedaction(paths)).ofHistory(600_000, 10_000);
  const run = await worker.client.start(PlainWorkflow, {});
  await run.result();
  await pool.query('UPDATE durable.workflow_executions SET status = $1, error = $2 WHERE id = $3', [
    'failed',
    encode({ name: 'Error', message: `no ${S}` }),
    run.id,
  ]);
  const of = async (paths: string[]) =>
    (await told(paths)).find(({ kind, executionId }) => kind === 'workflow_failed' && executionId === run.id)?.error;
  expect(await of([])).toEqual({ name: 'Error', message: `no ${S}` });
  expect(await of(PATHS)).toEqual({ name: 'Error', message: '[redacted]' });
});

it('leaves a journal that is whole', async () => {
  await expect(expectInvariants(pool)).resolves.toBeUndefined();
});
