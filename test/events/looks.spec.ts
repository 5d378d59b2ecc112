import { once } from 'node:events';
import type { EventRecord } from '../../lib/core/run/events.js';
import { EventDelivery } from '../../lib/events/delivery.js';
import { CatchUp } from '../../lib/events/catch-up.js';
import type { EventFilter } from '../../lib/events/interests.js';
import { EventLink } from '../../lib/storage/notify/event-link.js';
import type { PgEventReads } from '../../lib/storage/reads/event-reads.js';
import { Listener } from '../../lib/storage/notify/listener.js';
import { queryOf } from '../../lib/storage/connection/transaction.js';
import { connectTo } from '../support/connections.js';
import { createTestDatabase } from '../support/database.js';
import { startProxy } from '../support/tcp-proxy.js';
import { until } from '../support/until.js';

const DAY = 86_400_000;

/** The tables, as they are said to be. */
class FakeReads {
  time = 1_000 * DAY;
  history: EventRecord[] = [];
  dead: { id: number; unseenMs: number }[] = [];
  readonly looks: number[] = [];
  readonly runs: string[][] = [];
  /** Looks at what has died. */
  asked = 0;

  async now(): Promise<number> {
    return this.time;
  }

  async ofRuns(runs: readonly { readonly id: string }[]): Promise<EventRecord[]> {
    this.runs.push(runs.map(({ id }) => id));
    return this.history;
  }

  async ofHistory(ms: number): Promise<EventRecord[]> {
    this.looks.push(ms);
    return this.history;
  }

  async deadSince(): Promise<{ id: number; unseenMs: number }[]> {
    this.asked++;
    return this.dead;
  }
}

function open(filter: EventFilter, notified: boolean) {
  const reads = new FakeReads();
  const got: string[] = [];
  const delivery = new EventDelivery(filter, ({ id }) => got.push(id), () => {}, () => {}); // prettier-ignore
  const deliveries = new Set([delivery]);
  const looks = new CatchUp(reads as unknown as PgEventReads, deliveries, notified, () => {});
  return { reads, got, looks, deliveries };
}

const event = (id: string, time: number): EventRecord => {
  return { id, kind: 'workflow_completed', executionId: 'run', workflow: 'order', time };
};

it('the history is looked at when events were missed, once, from then on and no earlier than the subscription', async () => {
  const { reads, got, looks } = open({ kind: 'all' }, true);
  reads.history = [event('before', reads.time - DAY), event('after', reads.time + 1)];
  looks.changed();
  await until(() => reads.asked > 0);
  expect(reads.looks).toEqual([]);
  looks.missed(2 * DAY);
  await until(() => got.length > 0);
  expect([got, reads.looks.length]).toEqual([['after'], 1]);
  expect(reads.looks[0]).toBeGreaterThan(2 * DAY);
  reads.history.push(event('later', reads.time + 2));
  looks.missed(0);
  await until(() => got.length > 1);
  expect(got).toEqual(['after', 'later']);
  await looks.stop();
});

it('a worker that died is reason enough, once', async () => {
  const { reads, got, looks } = open({ kind: 'all' }, true);
  reads.history = [event('unheard', reads.time + 1)];
  reads.dead = [{ id: 7, unseenMs: 30_000 }];
  looks.changed();
  await until(() => got.length > 0);
  expect(reads.looks[0]).toBeGreaterThan(30_000);
  const before = reads.looks.length;
  looks.changed();
  await looks.stop();
  expect(reads.looks.length).toBe(before);
});

it('single runs are looked at again and again, with and without notifications', async () => {
  for (const notified of [true, false]) {
    const { reads, got, looks } = open({ kind: 'run', runId: 'run' }, notified);
    reads.history = [event('old', reads.time - DAY), event('new', reads.time + 1)];
    looks.changed();
    await until(() => got.length > 0);
    expect([got, reads.looks]).toEqual([['new'], []]);
    await looks.stop();
  }
});

it('one more that follows a run has no other looked at', async () => {
  const { reads, looks, deliveries } = open({ kind: 'run', runId: 'first' }, true);
  looks.changed();
  await until(() => reads.runs.length > 0);
  for (const runId of ['second', 'third']) {
    deliveries.add(new EventDelivery({ kind: 'run', runId }, () => {}, () => {}, () => {})); // prettier-ignore
    looks.changed();
    await until(() => reads.runs.at(-1)?.includes(runId) === true);
  }
  expect(reads.runs).toEqual([['first'], ['second'], ['third']]);
  await looks.stop();
});

it('a link says that it is back, and since when nothing was heard', async () => {
  const { url } = await createTestDatabase();
  const proxy = await startProxy(Number(new URL(url).port));
  const connections = connectTo(proxy.through(url));
  const listener = new Listener(connections, { schema: 'durable' });
  const link = new EventLink(listener, queryOf(connections.pool), 'durable');
  await listener.start();
  try {
    const said: string[] = [];
    link.on('back', () => said.push('back'));
    link.on('message', (payload) => said.push(payload));
    link.listen();
    await until(() => link.aliveAt > 0);
    await link.send(['one']);
    await until(() => said.length > 0);
    const cut = performance.now();
    const back = once(link, 'back');
    proxy.cut();
    await back;
    expect(link.aliveAt).toBeLessThanOrEqual(cut);
    await until(async () => {
      await link.send(['two']).catch(() => {});
      return said.includes('two');
    });
    expect(said.slice(0, 3)).toEqual(['one', 'back', 'two']);
  } finally {
    link.close();
    await listener.close();
    await connections.close();
    await proxy.close();
  }
});
