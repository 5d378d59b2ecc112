import {
  DurableClient,
  DurableError,
  DurableEvents,
  DurableQueues,
  Schedule,
  Step,
  waitForEvent,
  waitForText,
  Workflow,
  WorkflowHandle,
} from 'nest-durable';
import { createTestDatabase } from '../support/database.js';
import { type FaultApp, openApp } from '../support/faults/app.js';
import { HOSTILE } from '../support/hostile.js';

/**
 * Whatever is passed to a method of the client, in whichever place: it takes it, or says what is wrong in an error of the
 * package. No driver's error, no TypeError, and nothing that harms the next call.
 */

@Workflow({ name: 'plain' })
@Schedule({ name: 'yearly', cron: '@yearly' })
class PlainWorkflow {
  @Step()
  step() {}
}

@Workflow({ name: 'patient' })
class PatientWorkflow {
  @Step()
  async wait() {
    await Promise.all([waitForEvent('never'), waitForText('name')]);
  }
}

const VALUES: Readonly<Record<string, () => unknown>> = {
  ...HOSTILE,
  'a text with NUL': () => 'a\0b',
  'half of a surrogate pair': () => 'x\uD800',
  'an empty text': () => '',
  'a blank text': () => ' ',
  'a text with a line feed': () => 'a\nb',
  'a text of 600 characters': () => 'x'.repeat(600),
  'a text of 600 characters of four bytes': () => '\u{1F600}'.repeat(300),
  'a text with a quote and a backslash': () => `'";--\\`,
  'a text like a UUID': () => '00000000-0000-0000-0000-00000000000g',
  'a UUID that nothing has': () => '00000000-0000-7000-8000-000000000000',
  NaN: () => NaN,
  Infinity: () => Infinity,
  'minus one': () => -1,
  'a fraction': () => 0.5,
  'the largest of 32 bits': () => 2 ** 31 - 1,
  'the smallest of 32 bits': () => -(2 ** 31),
  'more than 32 bits': () => 2 ** 31,
  'more than 64 bits': () => 2 ** 64,
  'an invalid date': () => new Date(NaN),
  'a date before Christ': () => new Date(-8e15),
  'a date in the year 275760': () => new Date(8.64e15),
  'a date of another kind': () => Object.create(Date.prototype) as object,
  'an empty list': () => [],
  'a list of anything': () => [null, 'a\0b', NaN, {}],
  'an object of anything': () => ({ a: '\0', '\0': 'a', __proto__: null }),
  'a Map': () => new Map([['a', 1]]),
  true: () => true,
};

interface Method {
  /** Arguments that are good. */
  readonly args: () => readonly unknown[];
  /** Keys of the options, by the place of the argument. */
  readonly keys?: Readonly<Record<number, readonly string[]>>;
}

let app: FaultApp;
/** A run that has ended, and one that waits. */
let ended: string;
let waiting: string;

beforeAll(async () => {
  const { url } = await createTestDatabase();
  app = await openApp({ database: { url } }, [PlainWorkflow, PatientWorkflow]);
  const run = await app.client.start(PlainWorkflow, {});
  await run.result();
  ended = run.id;
  waiting = (await app.client.start(PatientWorkflow, {})).id;
  while ((await app.client.listPendingInputs({ executionId: waiting })).length === 0) await soon();
});

afterAll(() => app.close());

function soon(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

const START = ['id', 'idempotencyKey', 'queue', 'priority', 'scheduledAt', 'delay', 'tags', 'manager'];
const FILTERS = ['workflow', 'status', 'queue', 'parentId', 'tags', 'since', 'until'];
const LIST = [...FILTERS, 'limit', 'offset', 'before', 'after', 'order', 'includeData'];
const PAGE = ['limit', 'offset', 'includeData'];
const SCHEDULE = [
  'timezone',
  'name',
  'input',
  'queue',
  'enabled',
  'overlap',
  'catchUp',
  'catchUpWindow',
  'catchUpLimit',
];
const SEND = ['dedupeKey', 'manager'];
const EVENT_LIST = ['unmatched'];
const BULK = ['limit', 'dryRun'];
const MANY = () => [{ workflow: 'patient' }, { dryRun: true }];

const CLIENT: Readonly<Record<string, Method>> = {
  start: { args: () => ['plain', {}, {}], keys: { 2: START } },
  startMany: { args: () => ['plain', [{ input: {} }], {}], keys: { 2: START } },
  handle: { args: () => [waiting] },
  getExecution: { args: () => [waiting, {}], keys: { 1: ['includeSteps', 'includeLogs'] } },
  getLogs: { args: () => [waiting, 'wait'] },
  getSteps: { args: () => [waiting, {}], keys: { 1: PAGE } },
  listExecutions: { args: () => [{}], keys: { 0: LIST } },
  countExecutions: { args: () => [{}], keys: { 0: LIST } },
  executionCounts: { args: () => [] },
  cancel: { args: () => [ended, 'why', {}], keys: { 2: ['compensate'] } },
  retry: { args: () => [ended] },
  restartFrom: { args: () => [ended, 'step'] },
  pause: { args: () => [waiting] },
  resume: { args: () => [waiting] },
  sendEvent: { args: () => [waiting, 'e', {}, {}], keys: { 3: SEND } },
  provideInput: { args: () => [waiting, 'other', 'x'], keys: { 1: ['inputId'] } },
  cancelWait: { args: () => [waiting, { name: 'other' }], keys: { 1: ['name', 'reason'] } },
  listPendingInputs: {
    args: () => [{}],
    keys: { 0: ['workflow', 'executionId', 'status', 'timeoutBefore', 'limit'] },
  },
  listPendingEvents: { args: () => [{}], keys: { 0: ['eventName', 'status', 'limit'] } },
  listChildren: { args: () => [waiting, {}], keys: { 1: ['status', 'limit', 'after'] } },
  childCounts: { args: () => [[waiting]] },
  listWorkflows: { args: () => [] },
  schedule: { args: () => ['plain', '@yearly', {}], keys: { 2: SCHEDULE } },
  getSchedule: { args: () => ['yearly'] },
  listSchedules: { args: () => [{}], keys: { 0: ['enabled', 'workflow', 'queue', 'limit', 'offset'] } },
  updateSchedule: { args: () => ['yearly', {}], keys: { 1: [...SCHEDULE, 'cron', 'reset'] } },
  enableSchedule: { args: () => ['yearly'] },
  disableSchedule: { args: () => ['yearly'] },
  deleteSchedule: { args: () => ['none'] },
  triggerSchedule: { args: () => ['yearly', {}], keys: { 1: ['input'] } },
  nextRuns: { args: () => ['yearly', 1] },
  cleanup: { args: () => [{ olderThan: 1e12 }], keys: { 0: ['olderThan', 'status', 'dryRun', 'batchSize'] } },
  sweep: { args: () => [] },
  explain: { args: () => [waiting] },
  retryNow: { args: () => [waiting] },
  restartPoints: { args: () => [ended] },
  listEvents: { args: () => [waiting, {}], keys: { 1: EVENT_LIST } },
  listVersions: { args: () => ['plain'] },
  retryMany: { args: MANY, keys: { 0: FILTERS, 1: BULK } },
  cancelMany: { args: MANY, keys: { 0: FILTERS, 1: [...BULK, 'reason', 'compensate'] } },
  pauseMany: { args: MANY, keys: { 0: FILTERS, 1: BULK } },
  resumeMany: { args: MANY, keys: { 0: FILTERS, 1: BULK } },
};

const HANDLE: Readonly<Record<string, Method>> = {
  result: { args: () => [{ timeout: 0 }], keys: { 0: ['timeout'] } },
  steps: { args: () => [{}], keys: { 0: PAGE } },
  execution: { args: () => [{}], keys: { 0: ['includeSteps', 'includeLogs'] } },
  sendEvent: { args: () => ['e', {}, {}], keys: { 2: SEND } },
  provideInput: { args: () => ['other', 'x'], keys: { 0: ['inputId'] } },
  cancel: { args: () => ['why', {}], keys: { 1: ['compensate'] } },
  pause: { args: () => [] },
  resume: { args: () => [] },
  explain: { args: () => [] },
  events: { args: () => [{}], keys: { 0: EVENT_LIST } },
  logs: { args: () => ['step'] },
  children: { args: () => [{}], keys: { 0: ['status', 'limit', 'after'] } },
  cancelWait: { args: () => [{ name: 'other' }], keys: { 0: ['name', 'reason'] } },
  retry: { args: () => [] },
  retryNow: { args: () => [] },
  restartPoints: { args: () => [] },
  restartFrom: { args: () => ['step'] },
};

const QUEUES: Readonly<Record<string, Method>> = {
  list: { args: () => [] },
  status: { args: () => ['default'] },
  stats: { args: () => ['default'] },
  pause: { args: () => ['none'] },
  resume: { args: () => ['default'] },
  drain: { args: () => ['none', 0] },
  workers: { args: () => [] },
};

const EVENTS: Readonly<Record<string, Method>> = {
  all: { args: () => [] },
  workflow: { args: () => [waiting] },
  schedules: { args: () => [] },
  inputs: { args: () => [] },
};

const SERVICES: readonly [string, Readonly<Record<string, Method>>, { prototype: object }, () => object][] = [
  ['DurableClient', CLIENT, DurableClient, () => app.client],
  ['WorkflowHandle', HANDLE, WorkflowHandle, () => app.client.handle(ended)],
  ['DurableQueues', QUEUES, DurableQueues, () => app.app.get(DurableQueues)],
  ['DurableEvents', EVENTS, DurableEvents, () => app.app.get(DurableEvents)],
];

/** What comes of a call, where it is not as it should be. */
async function wrong(target: object, name: string, args: readonly unknown[], what: string): Promise<string[]> {
  const method = Reflect.get(target, name) as (...args: readonly unknown[]) => unknown;
  try {
    await method.apply(target, [...args]);
    return [];
  } catch (error) {
    // One that the database has refused was not looked at before.
    const told = error instanceof DurableError && error.code !== 'DATABASE_UNAVAILABLE';
    if (told && error.message.length < 20_000) return [];
    return [`${what}: ${String(error).slice(0, 300)}`];
  }
}

describe.each(SERVICES)('%s', (_, methods, type, service) => {
  it('has no method that is not tried here', () => {
    // What is private to TypeScript is there at run time too.
    const hidden = ['constructor', 'ready', 'row', 'known', 'observe', 'close', 'many', 'drainWatched'];
    const names = Object.getOwnPropertyNames(type.prototype).filter((name) => !hidden.includes(name));
    expect(Object.keys(methods).toSorted()).toEqual(names.toSorted());
  });

  it.each(Object.entries(methods))('%s takes what it is given or says what is wrong with it', async (name, method) => {
    const calls: Promise<string[]>[] = [];
    for (const [value, make] of Object.entries(VALUES)) {
      method.args().forEach((good, place) => {
        const at = (given: unknown) => method.args().map((one, index) => (index === place ? given : one));
        calls.push(wrong(service(), name, at(make()), `argument ${place} is ${value}`));
        for (const key of method.keys?.[place] ?? []) {
          const options = { ...(good as object), [key]: make() };
          calls.push(wrong(service(), name, at(options), `${key} is ${value}`));
        }
        if (typeof good !== 'object') return;
        calls.push(
          wrong(service(), name, at({ ...(good as object), unheardOf: make() }), `an unknown key is ${value}`),
        );
      });
    }
    expect((await Promise.all(calls)).flat()).toEqual([]);
    // Nothing of it stands in the way of the next.
    await app.client.listExecutions();
  });
});

it('a run still starts and ends after all this', async () => {
  await app.app.get(DurableQueues).resume('default');
  const run = await app.client.start(PlainWorkflow, { after: 'all' });
  expect(await run.result()).toEqual({ after: 'all' });
});
