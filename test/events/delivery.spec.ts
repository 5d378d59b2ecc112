import type { EventRecord } from '../../lib/core/run/events.js';
import { EventDelivery } from '../../lib/events/delivery.js';
import { EventSender, packEvents, readEvents } from '../../lib/events/sender.js';
import { ForeignInterests, interestOf } from '../../lib/events/interests.js';
import { until } from '../support/until.js';

const event = (n: number, more: Partial<EventRecord> = {}): EventRecord => ({
  id: `e${n}`,
  kind: 'workflow_started',
  executionId: `run-${n}`,
  workflow: 'order',
  time: n,
  ...more,
});

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('a subscriber', () => {
  it('that is slow loses the oldest, with a warning, and leaves turns to others', async () => {
    const [got, warnings]: [string[], string[]] = [[], []];
    let last: () => void = () => {};
    const done = new Promise<void>((resolve) => (last = resolve));
    const delivery = new EventDelivery(
      { kind: 'all' },
      ({ id }) => {
        got.push(id);
        // Longer than its share of a turn.
        if (got.length <= 20) for (const end = performance.now() + 6; performance.now() < end;);
        if (id === 'e10499') last();
      },
      () => {},
      (message) => warnings.push(message),
    );
    for (let n = 0; n < 10_500; n++) delivery.push(event(n));
    expect(got).toEqual([]);
    const before: number[] = [];
    while (got.length < 20) {
      before.push(got.length);
      await turn();
    }
    expect(before.length).toBeGreaterThanOrEqual(20);
    await done;
    expect([got.length, got[0], got.at(-1)]).toEqual([10_000, 'e500', 'e10499']);
    expect(warnings).toEqual([expect.stringContaining('A subscriber of the events of all() is too slow')]);
  });

  it('gets each event once, and none after its end', async () => {
    const got: string[] = [];
    const delivery = new EventDelivery({ kind: 'run', runId: 'run-1' }, ({ id }) => got.push(id), () => {}, () => {}); // prettier-ignore
    for (const n of [1, 1, 2, 1]) delivery.push(event(n));
    await turn();
    expect(got).toEqual(['e1']);
    delivery.push(event(3, { executionId: 'run-1' }));
    delivery.close();
    await turn();
    expect(got).toEqual(['e1']);
  });
});

it('what a run did within a minute is told once, however much it is: the tables are looked at again and again', async () => {
  const got: string[] = [];
  const delivery = new EventDelivery({ kind: 'run', runId: 'run' }, ({ id }) => got.push(id), () => {}, () => {}); // prettier-ignore
  for (let n = 0; n < 30_000; n++) {
    delivery.push(event(n, { executionId: 'run', time: n }));
    // As many as may wait for a subscriber at a time.
    if (n % 5_000 === 4_999) await until(() => got.length > n);
  }
  for (let n = 0; n < 30_000; n++) delivery.push(event(n, { executionId: 'run', time: n }));
  delivery.push(event(30_000, { executionId: 'run', time: 30_000 }));
  delivery.finish();
  expect([got.length, new Set(got).size, got.at(-1)]).toEqual([30_001, 30_001, 'e30000']);
});

it('what is older than that is forgotten', () => {
  const got: string[] = [];
  const delivery = new EventDelivery({ kind: 'run', runId: 'run' }, ({ id }) => got.push(id), () => {}, () => {}); // prettier-ignore
  for (let n = 0; n <= 20_000; n++) delivery.push(event(n, { executionId: 'run', time: n * 100 }));
  delivery.push(event(0, { executionId: 'run', time: 0 }));
  delivery.finish();
  expect(got.at(-1)).toBe('e0');
});

describe('what is sent', () => {
  it('fits into notifications, whatever the events hold', () => {
    const long = event(0, { error: { name: 'Error', message: 'ä'.repeat(3_000) } });
    const events = [long, ...Array.from({ length: 500 }, (_, n) => event(n, { step: '\u{1f600}'.repeat(20) }))];
    const payloads = packEvents(events, 'me', { gap: 7 });
    for (const payload of payloads) expect(Buffer.byteLength(payload)).toBeLessThan(7_999);
    const read = payloads.map((payload) => readEvents(payload));
    expect(read[0]).toMatchObject({ gap: 7, w: 'me' });
    const { error: _, ...rest } = long;
    expect(read.flatMap((message) => message?.v ?? [])).toEqual([rest, ...events.slice(1)]);
    const bad = [
      null,
      7,
      { id: 7 },
      { ...event(1), time: 'now' },
      { ...event(1), error: null },
      { ...event(1), executionId: 7 },
    ];
    for (const one of bad) expect(readEvents(JSON.stringify({ v: [event(0), one], w: 'x' }))).toBeNull();
    expect(readEvents(JSON.stringify({ v: [event(0)], gap: null, w: 'x' }))).toBeNull();
    expect([readEvents('nonsense'), readEvents('null'), readEvents('{"q":["a"],"w":"x"}')]).toEqual([null, null, null]);
  });

  it('is sent again after a failure, and what was dropped meanwhile is told', async () => {
    let broken = true;
    const [sent, warnings]: [string[], string[]] = [[], []];
    let first: () => void = () => {};
    const tried = new Promise<void>((resolve) => (first = resolve));
    const send = async (payloads: readonly string[]): Promise<void> => {
      first();
      if (broken) throw new Error('no connection');
      sent.push(...payloads);
    };
    const sender = new EventSender(send, 'me', (message) => warnings.push(message));
    sender.push(event(0));
    await tried;
    for (let n = 1; n <= 10_010; n++) sender.push(event(n));
    broken = false;
    while (!sent.some((payload) => payload.includes('"e10010"'))) await new Promise((r) => setTimeout(r, 5));
    const messages = sent.map((payload) => readEvents(payload));
    expect(messages[0]?.gap).toBeGreaterThan(0);
    const ids = messages.flatMap((message) => message?.v.map(({ id }) => id) ?? []);
    expect([ids.length >= 10_000, ids.at(-1)]).toEqual([true, 'e10010']);
    expect(warnings).toHaveLength(1);
    await sender.close();
  });
});

it('what processes want is told apart, up to 150 runs by their id', () => {
  const interests = new ForeignInterests();
  interests.set('a', interestOf([{ kind: 'inputs' }, { kind: 'run', runId: 'run-1' }]));
  const asked = event(2, { kind: 'input_requested' });
  const step = event(2, { kind: 'step_started' });
  expect([event(1), event(2), asked, step].map((one) => interests.want(one))).toEqual([true, false, true, false]);
  expect([interests.stepsOf('run-1'), interests.stepsOf('run-2')]).toEqual([true, false]);
  interests.set('b', interestOf(Array.from({ length: 151 }, (_, n) => ({ kind: 'run', runId: `other-${n}` }))));
  expect([interests.want(step), interests.stepsOf('run-2')]).toEqual([true, true]);
  interests.set('b', interestOf([]));
  interests.set('a', interestOf([{ kind: 'schedules' }]));
  expect([event(1), asked, event(3, { kind: 'schedule_toggled' })].map((one) => interests.want(one))).toEqual([
    false,
    false,
    true,
  ]);
  interests.set('a', {});
  expect(interests.isEmpty).toBe(true);
});
