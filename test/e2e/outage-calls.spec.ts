import {
  DurableClient,
  DurableQueues,
  DurableWorkflow,
  FatalError,
  Step,
  waitForEvent,
  Workflow,
  type WorkflowHandle,
} from 'nest-durable';
import { createTestDatabase } from '../support/database.js';
import { openApp, type PlainApp, reached } from '../support/plain-app.js';
import { startProxy, type TcpProxy } from '../support/tcp-proxy.js';

/** What callers are told while the database is out of reach. */

@Workflow({ name: 'failing' })
class FailingWorkflow extends DurableWorkflow<object> {
  @Step()
  work() {
    throw new FatalError('told to');
  }
}

@Workflow({ name: 'waiting' })
class WaitingWorkflow extends DurableWorkflow<object> {
  @Step()
  async work() {
    await waitForEvent('go');
  }
}

/** An app whose database gets out of reach in one way. */
interface Site extends PlainApp {
  readonly proxy: TcpProxy;
  readonly failed: WorkflowHandle;
  readonly waiting: WorkflowHandle;
}

type Outage = [title: string, begin: (proxy: TcpProxy) => unknown, end: (proxy: TcpProxy) => unknown];

const OUTAGES: readonly Outage[] = [
  ['takes no connection', (proxy) => proxy.down(), (proxy) => proxy.up()],
  ['says nothing', (proxy) => proxy.swallow(), (proxy) => proxy.pass()],
];

async function openSite(): Promise<Site> {
  const { url } = await createTestDatabase();
  const { hostname, port } = new URL(url);
  const proxy = await startProxy(Number(port), hostname);
  const opened = await openApp({ database: { url: proxy.through(url) }, report: 'none' }, [
    FailingWorkflow,
    WaitingWorkflow,
  ]);
  const failed = await opened.client.start(FailingWorkflow, {});
  const waiting = await opened.client.start(WaitingWorkflow, {});
  await reached(opened.client, failed.id, 'failed');
  await reached(opened.client, waiting.id, 'waiting');
  await opened.client.schedule(WaitingWorkflow, '0 0 1 1 *', { name: 'yearly' });
  return { ...opened, proxy, failed, waiting };
}

let sites: readonly Site[];

function siteOf(index: number): Site {
  const found = sites[index];
  if (found === undefined) throw new Error('There is no such site');
  return found;
}

/** What came of each; all are begun at once, since nearly half a minute of each is waiting. */
let outcomes: readonly Promise<Told>[];

beforeAll(async () => {
  sites = await Promise.all(OUTAGES.map(openSite));
  outcomes = sites.map((site, index) => callsIn(site, OUTAGES[index] as Outage));
  for (const one of outcomes) one.catch(() => {});
});

afterAll(async () => {
  for (const { proxy, app } of sites) {
    proxy.pass();
    await app.close();
    await proxy.close();
  }
});

type Calls<T> = Record<string, (service: T) => Promise<unknown>>;

const clientCalls = ({ failed, waiting }: Pick<Site, 'failed' | 'waiting'>): Calls<DurableClient> => ({
  start: (client) => client.start(WaitingWorkflow, {}),
  startMany: (client) => client.startMany(WaitingWorkflow, [{ input: {} }]),
  getExecution: (client) => client.getExecution(waiting.id),
  getLogs: (client) => client.getLogs(waiting.id),
  getSteps: (client) => client.getSteps(waiting.id),
  listExecutions: (client) => client.listExecutions(),
  explain: (client) => client.explain(waiting.id),
  countExecutions: (client) => client.countExecutions(),
  executionCounts: (client) => client.executionCounts(),
  cancel: (client) => client.cancel(failed.id),
  retry: (client) => client.retry(failed.id),
  restartFrom: (client) => client.restartFrom(failed.id, 'work'),
  restartPoints: (client) => client.restartPoints(failed.id),
  retryNow: (client) => client.retryNow(waiting.id),
  pause: (client) => client.pause(waiting.id),
  resume: (client) => client.resume(waiting.id),
  sendEvent: (client) => client.sendEvent(waiting.id, 'other'),
  provideInput: (client) => client.provideInput(waiting.id, 'other', 1),
  cancelWait: (client) => client.cancelWait(waiting.id, { name: 'other' }),
  listEvents: (client) => client.listEvents(waiting.id),
  retryMany: (client) => client.retryMany({ workflow: 'failing' }),
  cancelMany: (client) => client.cancelMany({ workflow: 'failing' }),
  pauseMany: (client) => client.pauseMany({ workflow: 'failing' }),
  resumeMany: (client) => client.resumeMany({ workflow: 'failing' }),
  listPendingInputs: (client) => client.listPendingInputs(),
  listPendingEvents: (client) => client.listPendingEvents(),
  listChildren: (client) => client.listChildren(waiting.id),
  childCounts: (client) => client.childCounts([waiting.id]),
  listWorkflows: (client) => client.listWorkflows(),
  listVersions: (client) => client.listVersions(WaitingWorkflow),
  schedule: (client) => client.schedule(WaitingWorkflow, '0 0 1 1 *', { name: 'other' }),
  getSchedule: (client) => client.getSchedule('yearly'),
  listSchedules: (client) => client.listSchedules(),
  updateSchedule: (client) => client.updateSchedule('yearly', { overlap: 'skip' }),
  enableSchedule: (client) => client.enableSchedule('yearly'),
  disableSchedule: (client) => client.disableSchedule('yearly'),
  deleteSchedule: (client) => client.deleteSchedule('other'),
  triggerSchedule: (client) => client.triggerSchedule('yearly'),
  nextRuns: (client) => client.nextRuns('yearly', 1),
  cleanup: (client) => client.cleanup({ olderThan: 86_400_000 }),
  sweep: (client) => client.sweep(),
});

const QUEUES: Calls<DurableQueues> = {
  list: (queues) => queues.list(),
  status: (queues) => queues.status('default'),
  stats: (queues) => queues.stats('default'),
  pause: (queues) => queues.pause('default'),
  resume: (queues) => queues.resume('default'),
  drain: (queues) => queues.drain('default'),
  workers: (queues) => queues.workers(),
};

/** By call, what came of it where it is not what the contract says. */
async function others<T>(calls: Calls<T>, service: T): Promise<Record<string, unknown>> {
  const found = await Promise.all(
    Object.entries(calls).map(async ([name, call]): Promise<[string, unknown][]> => {
      const begun = performance.now();
      const told = await call(service).then(
        () => 'resolved',
        (error: Error & { code?: string }) => error.code ?? error.message,
      );
      const ms = performance.now() - begun;
      return told === 'DATABASE_UNAVAILABLE' && ms < 30_000 ? [] : [[name, `${told} after ${Math.round(ms)} ms`]];
    }),
  );
  return Object.fromEntries(found.flat());
}

/** Of an outage: calls that went otherwise than the contract says, and of a wait for a result with a limit of its own. */
interface Told {
  readonly others: Record<string, unknown>;
  readonly given: unknown;
}

async function callsIn({ app, client, proxy, ...runs }: Site, [, begin, end]: Outage): Promise<Told> {
  await begin(proxy);
  try {
    const queues = app.get(DurableQueues, { strict: false });
    const given = runs.waiting.result({ timeout: 50 }).catch((error: unknown) => error);
    const found = await Promise.all([others(clientCalls(runs), client), others(QUEUES, queues)]);
    return { others: Object.assign({}, ...found), given: await given };
  } finally {
    await end(proxy);
  }
}

/** What is private to TypeScript is there at run time too. */
const HIDDEN = ['constructor', 'ready', 'row', 'known', 'close', 'many', 'handle', 'drainWatched'];

it('has no call that is not tried here', () => {
  const named = (type: { prototype: object }): string[] =>
    Object.getOwnPropertyNames(type.prototype).filter((name) => !HIDDEN.includes(name));
  expect(Object.keys(clientCalls(siteOf(0))).toSorted()).toEqual(named(DurableClient).toSorted());
  expect(Object.keys(QUEUES).toSorted()).toEqual(named(DurableQueues).toSorted());
});

it.each(OUTAGES.map(([title], index) => [title, index] as const))(
  'every call rejects with DatabaseUnavailableError within 30 s while the server %s',
  async (_, index) => {
    const found = await outcomes[index];
    expect(found?.others).toEqual({});
    expect(found?.given).toMatchObject({ code: 'RESULT_TIMEOUT' });
    // What was asked for in it was done before it, or not at all.
    const { client, waiting } = siteOf(index);
    await client.sweep();
    expect(await waiting.execution()).toMatchObject({ status: 'waiting' });
  },
);
