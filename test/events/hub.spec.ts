import { jest } from '@jest/globals';
import type { EventRecord } from '../../lib/core/run/events.js';
import { NO_REDACTION } from '../../lib/core/redact/redact.js';
import { Deliveries } from '../../lib/events/deliveries.js';
import { EventHub } from '../../lib/events/hub.js';
import { BootContext } from '../../lib/engine/ports/boot-context.js';
import { EventLink } from '../../lib/storage/notify/event-link.js';
import { Listener } from '../../lib/storage/notify/listener.js';
import type { EventInterest } from '../../lib/storage/notify/notifier.js';
import { PgEventReads } from '../../lib/storage/reads/event-reads.js';
import type { Connections } from '../../lib/storage/connection/connections.js';
import { queryOf } from '../../lib/storage/connection/transaction.js';
import { connectTo } from '../support/connections.js';
import { createTestDatabase } from '../support/database.js';
import { until } from '../support/until.js';
import { uuidv7 } from '../../lib/core/uuid.js';
import { Gate } from '../testing/support.js';

/** Counts the looks at the whole history, and those for the workflows of runs. */
class CountedReads extends PgEventReads {
  looks = 0;
  /** ms back to which the last one went. */
  from = 0;
  names = 0;

  override workflowsOf(runs: readonly string[]): ReturnType<PgEventReads['workflowsOf']> {
    this.names++;
    return super.workflowsOf(runs);
  }

  override ofHistory(ms: number, limit: number): ReturnType<PgEventReads['ofHistory']> {
    this.looks++;
    this.from = ms;
    return super.ofHistory(ms, limit);
  }
}

interface Node {
  readonly connections: Connections;
  readonly listener: Listener;
  readonly reads: CountedReads;
  readonly hub: EventHub;
}

const nodes: Node[] = [];
let url: string;

beforeEach(async () => {
  ({ url } = await createTestDatabase());
});

afterEach(async () => {
  jest.restoreAllMocks();
  for (const { hub, listener, connections } of nodes.splice(0)) {
    await hub.close();
    await listener.close();
    await connections.close();
  }
});

async function open(): Promise<Node> {
  const connections = connectTo(url);
  const listener = new Listener(connections, { schema: 'durable' });
  await listener.start();
  const reads = new CountedReads(connections.pool, 'durable', NO_REDACTION);
  const link = new EventLink(listener, queryOf(connections.pool), 'durable');
  const remote = { listener, link };
  const hub = new EventHub({ reads, remote, redact: NO_REDACTION, context: new BootContext(), warn: () => {} });
  const node = { connections, listener, reads, hub };
  nodes.push(node);
  return node;
}

const nothing = (): void => {};

it('what is wanted is announced in the order in which it was: on a slow session the older one came last, and stood', async () => {
  const [mine, other] = [await open(), await open()];
  const heard: EventInterest[] = [];
  other.listener.subscribe(({ o, w }) => {
    if (w === mine.listener.tag && o !== undefined && o.ask !== true) heard.push(o);
  });
  const first = mine.hub.subscribe({ kind: 'inputs' }, nothing, nothing);
  await until(() => heard.length > 0);
  const [begun, go] = [new Gate(), new Gate()];
  const { interest } = mine.listener;
  mine.listener.interest = async (wanted) => {
    mine.listener.interest = interest;
    begun.open();
    await go.promise;
    await interest.call(mine.listener, wanted);
  };
  first();
  await begun.promise;
  mine.hub.subscribe({ kind: 'schedules' }, nothing, nothing);
  await new Promise((resolve) => setImmediate(resolve));
  await queryOf(mine.connections.pool)('SELECT 1', []);
  go.open();
  await until(() => heard.some((one) => one.schedules) && heard.some((one) => !one.inputs && !one.schedules));
  // The other one asks too, and is told what it knows already.
  const told = heard.map(({ inputs, schedules }) => `${inputs} ${schedules}`);
  expect(told.filter((one, at) => one !== told[at - 1])).toEqual(['true false', 'false false', 'false true']);
});

it('nothing that somebody else says on its channels ends the process', async () => {
  const { hub, listener, connections } = await open();
  const got: string[] = [];
  hub.subscribe({ kind: 'all' }, ({ id }) => got.push(id), nothing);
  const query = queryOf(connections.pool);
  const say = async (channel: string, message: unknown): Promise<void> => {
    await query('SELECT pg_notify($1, $2)', [channel, JSON.stringify(message)]);
  };
  const of = { kind: 'workflow_started', executionId: 'run', workflow: 'order', time: 1 };
  const good = { v: [{ id: 'good', ...of }], w: 'x' };
  await until(async () => {
    await say(`${listener.channel}_events`, good);
    return got.length > 0;
  });
  for (const o of [null, 7, [], { runs: 7 }, { runs: [7] }, { runs: null }, { all: true, runs: {} }]) {
    await say(listener.channel, { w: 'x', o });
  }
  for (const v of [[null], [7], [{}], [{ id: 'bad', ...of, error: 7 }], [{ id: 'bad', ...of, time: null }]]) {
    await say(`${listener.channel}_events`, { w: 'x', v });
  }
  await say(`${listener.channel}_events`, { v: [{ ...good.v[0], id: 'last' }], w: 'x' });
  await until(() => got.includes('last'));
  expect(got).toEqual(['good', 'last']);
});

it('one more that hears everything has no history read, where the others tell it already', async () => {
  const { hub, reads } = await open();
  hub.subscribe({ kind: 'all' }, nothing, nothing);
  await until(() => reads.looks === 1);
  hub.subscribe({ kind: 'all' }, nothing, nothing);
  // One that asks for the same look later.
  const later = await open();
  later.hub.subscribe({ kind: 'all' }, nothing, nothing);
  await until(() => later.reads.looks === 1);
  expect(reads.looks).toBe(1);
});

it('the workflows of runs are looked up together: sent events were told one after the other, minutes later in a process that sends many', async () => {
  const { hub, reads } = await open();
  const got: EventRecord[] = [];
  hub.subscribe({ kind: 'all' }, (event) => got.push(event), nothing);
  const ids = Array.from({ length: 500 }, () => uuidv7());
  for (const id of ids) {
    hub.tell([{ id, kind: 'event_received', executionId: id, workflow: null, time: Date.now(), eventName: 'paid' }]);
  }
  await until(() => got.length === ids.length);
  expect(got.map(({ id }) => id)).toEqual(ids);
  expect(reads.names).toBeLessThanOrEqual(2);
});

it('one more subscription goes through none of the others', async () => {
  const { hub } = await open();
  const through = jest.spyOn(Deliveries.prototype, Symbol.iterator as never);
  for (let n = 0; n < 100; n++) hub.subscribe({ kind: 'run', runId: uuidv7() }, nothing, nothing);
  for (let n = 0; n < 100; n++) hub.subscribe({ kind: 'all' }, nothing, nothing);
  expect(through).toHaveBeenCalledTimes(0);
});

it('a process that has stood still, and was forgotten by the others, looks for what it was not told', async () => {
  const { hub, reads } = await open();
  hub.subscribe({ kind: 'all' }, nothing, nothing);
  await until(() => reads.looks === 1);
  const now = performance.now.bind(performance);
  // Longer than the others go by what it said; its session has lived on.
  jest.spyOn(performance, 'now').mockImplementation(() => now() + 45_000);
  hub.subscribe({ kind: 'inputs' }, nothing, nothing);
  await until(() => reads.looks === 2);
  expect(reads.from).toBeLessThan(30_000);
});
