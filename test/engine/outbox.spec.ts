import type { RecordMaker } from '../../lib/engine/journal/record-maker.js';
import type { Ack } from '../../lib/engine/ports/store.js';
import { Outbox } from '../../lib/engine/run/outbox.js';
import { WaitBook } from '../../lib/engine/step/wait-book.js';

/** Whoever waits for a commit hears of it, also where the session goes before it is back. */

type Writer = ConstructorParameters<typeof Outbox>[0]['writer'];
type Record = ReturnType<RecordMaker['record']>;

const lease = { rowId: 'r', runId: 'r', token: 1, workflow: 'order' };
const record = (seq: number, output: string | null = null): Record =>
  ({ seq, output, path: 'a', type: 'step' }) as Record;

function outbox(commit: () => Promise<Ack>): Outbox {
  const writer = { commit } as unknown as Writer;
  return new Outbox({ writer, clock: { now: () => 0 } as never, observer: undefined }, lease, false, new WaitBook());
}

const nobody = { committed: () => {}, refused: () => {}, broken: () => {} };

it('a session that is lost tells those who wait for the commit under way, and for the next one', async () => {
  const one = outbox(() => new Promise(() => {}));
  one.record(record(1));
  const underWay = one.committed();
  one.send(null, nobody);
  one.record(record(2));
  const next = one.committed();
  one.drop();
  expect(await Promise.all([underWay, next])).toEqual([false, false]);
});

it('an error after the commit is the session’s, and nothing is written again', async () => {
  const broken = new Promise((resolve) => {
    const one = outbox(() => Promise.resolve({ taken: true } as Ack));
    one.record({ ...record(1), get seq(): number {
      throw new Error('broken');
    } }); // prettier-ignore
    one.send(null, { ...nobody, broken: resolve, refused: () => resolve('refused') });
  });
  expect(await broken).toEqual(new Error('broken'));
});

it('is full at 2 000 records or 4 MB, and empty again once that is sent', () => {
  const many = outbox(() => new Promise(() => {}));
  for (let seq = 1; seq < 2_000; seq++) many.record(record(seq));
  expect(many.isFull).toBe(false);
  many.record(record(2_000));
  expect(many.isFull).toBe(true);
  many.send(null, nobody);
  expect(many.isFull).toBe(false);
  many.record(record(2_001, 'x'.repeat(4_000_000)));
  expect(many.isFull).toBe(true);
});
