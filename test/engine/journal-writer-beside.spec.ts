import { newRun } from '../../lib/core/run/new-run.js';
import { JournalWriter } from '../../lib/engine/journal/journal-writer.js';
import {
  type Ack,
  type CommitGroup,
  type EngineStore,
  type GroupResult,
  type LeasedRow,
  type OpExtras,
  type RunOp,
  StoreError,
} from '../../lib/engine/ports/store.js';
import { Random } from '../support/random.js';

/** A group that was sent, until it is answered. */
interface Sent {
  readonly group: CommitGroup;
  readonly again: boolean;
  take(): void;
  lose(kind: StoreError['kind']): void;
  /** Takes what the locked rows have no part in. */
  leaveOut(locked: (rowId: string) => boolean): void;
}

/** A database that answers a group when the test says so, two at a time or one. */
class Database {
  readonly underWay: Sent[] = [];
  readonly leased = new Map<string, LeasedRow>();
  beside = true;
  private tellSent: () => void = () => {};

  readonly store = {
    canCommitBeside: () => this.beside,
    commitGroup: (_: number, group: CommitGroup) => this.send(group, false),
    commitAgain: (_: number, group: CommitGroup) => this.send(group, true),
    leasedRows: async () => this.leased,
  } as unknown as EngineStore;

  /** Resolves when so many are under way. */
  async sent(count: number): Promise<Sent[]> {
    while (this.underWay.length < count) await new Promise<void>((resolve) => (this.tellSent = resolve));
    return [...this.underWay];
  }

  private send(group: CommitGroup, again: boolean): Promise<GroupResult> {
    return new Promise((resolve, reject) => {
      const over = (): void => void this.underWay.splice(this.underWay.indexOf(sent), 1);
      const sent: Sent = {
        group,
        again,
        take: () => sent.leaveOut(() => false),
        lose: (kind) => {
          over();
          reject(new StoreError(kind, 'lost'));
        },
        leaveOut: (locked) => {
          over();
          const acks = new Map(group.ops.filter(({ rowId }) => !locked(rowId)).map(({ rowId }) => [rowId, ACK]));
          resolve({ acks, claimed: [], woken: [] });
        },
      };
      this.underWay.push(sent);
      this.tellSent();
    });
  }
}

const ACK: Ack = { taken: true, paused: false, watched: false, ready: false, wake: false, cancel: false };
const EXTRAS = { waits: [] } as unknown as OpExtras;

let database: Database;
let writer: JournalWriter;

beforeEach(() => {
  database = new Database();
  writer = new JournalWriter(
    database.store,
    () => 1,
    (_, send) => send(null),
    () => {},
    () => {},
  );
});

afterEach(() => writer.close());

function op(run: string, more: Partial<RunOp> = {}): RunOp {
  return {
    rowId: run, runId: run, token: 1, after: [], afterWait: null, records: [], outcome: null, extras: null, ...more,
  }; // prettier-ignore
}

function ops(count: number, prefix = 'r'): RunOp[] {
  return Array.from({ length: count }, (_, n) => op(`${prefix}${n}`));
}

function runsOf({ group }: Sent): string[] {
  return group.ops.map(({ runId }) => runId);
}

function sizes(sent: readonly Sent[]): number[] {
  return sent.map(({ group }) => group.ops.length);
}

/** All that was about to be sent is. */
async function settled(): Promise<void> {
  for (let n = 0; n < 3; n++) await new Promise((resolve) => setImmediate(resolve));
}

describe('two groups', () => {
  it('are under way where there is enough for both', async () => {
    for (const one of ops(100)) void writer.commit(one);
    expect(sizes(await database.sent(2))).toEqual([50, 50]);
  });

  it('are of 100 at the most', async () => {
    for (const one of ops(400)) void writer.commit(one);
    expect(sizes(await database.sent(2))).toEqual([100, 100]);
  });

  it.each([
    ['there is less', 99, true],
    ['there is no second session', 300, false],
  ])('are one where %s', async (_, count, beside) => {
    database.beside = beside;
    for (const one of ops(count)) void writer.commit(one);
    await database.sent(1);
    await settled();
    expect(sizes(database.underWay)).toEqual([count]);
  });

  it('follow each other: what becomes ready goes when one of the two is back', async () => {
    for (const one of ops(100)) void writer.commit(one);
    const [first] = await database.sent(2);
    for (const one of ops(60, 's')) void writer.commit(one);
    await settled();
    expect(database.underWay).toHaveLength(2);
    first?.take();
    const [, next] = await database.sent(2);
    expect(next?.group.ops.map(({ runId }) => runId[0])).toEqual(Array.from({ length: 55 }, () => 's'));
  });

  it('never have two operations of one run: the second goes when the first is back', async () => {
    const [twice = op('r0')] = ops(1);
    for (const one of ops(100)) void writer.commit(one);
    void writer.commit(twice);
    for (const one of ops(160, 's')) void writer.commit(one);
    const [first, second] = await database.sent(2);
    second?.take();
    const [, third] = await database.sent(2);
    expect(runsOf(third as Sent)).not.toContain('r0');
    first?.take();
    third?.take();
    const [last] = await database.sent(1);
    expect(runsOf(last as Sent)).toContain('r0');
  });

  it.each([
    [
      'starts',
      () =>
        void writer.start(
          newRun({ id: 's', workflow: 'order', definitionId: 1, queue: 'default', priority: 0, input: '{}' }),
        ),
    ],
    ['what is done beside the journal', () => void writer.commit(op('child', { extras: EXTRAS }))],
  ])('are not both with %s, whose rows they could meet at', async (_, more) => {
    void writer.commit(op('first', { extras: EXTRAS }));
    for (const one of ops(60)) void writer.commit(one);
    await database.sent(1);
    more();
    for (const one of ops(60, 's')) void writer.commit(one);
    const [first, second] = await database.sent(2);
    expect([second?.group.starts, runsOf(second as Sent).includes('child')]).toEqual([[], false]);
    first?.take();
    second?.take();
    const [last] = await database.sent(1);
    expect((last?.group.starts.length ?? 0) + runsOf(last as Sent).filter((run) => run === 'child').length).toBe(1);
    last?.take();
    await settled();
  });

  it('are no more while the database is in trouble; the one that is lost is looked for, the other is not', async () => {
    for (const one of ops(200)) void writer.commit(one);
    const [first, second] = await database.sent(2);
    first?.lose('unknown');
    await settled();
    expect(database.underWay).toEqual([second]);
    second?.take();
    const lost = new Set(runsOf(first as Sent));
    while (lost.size > 0) {
      const [again] = await database.sent(1);
      expect(again?.again).toBe(true);
      for (const run of runsOf(again as Sent)) expect(lost.delete(run)).toBe(true);
      again?.take();
    }
  });

  it('are both given up when the writer is closed', async () => {
    const all = Promise.all(ops(300).map((one) => writer.commit(one)));
    await database.sent(2);
    writer.close();
    expect(new Set((await all).map(({ taken }) => taken))).toEqual(new Set([false]));
    expect(writer.isIdle).toBe(false);
    while (database.underWay.length > 0) database.underWay[0]?.take();
    await settled();
    expect([database.underWay.length, writer.isIdle]).toEqual([0, true]);
  });
});

it('takes each operation once and in the order of its run, whatever becomes of the groups', async () => {
  for (let seed = 1; seed <= 8; seed++) {
    const random = new Random(seed);
    const runs = Array.from({ length: 160 }, (_, n) => `r${n}`);
    for (const runId of runs) database.leased.set(runId, { token: 1 } as LeasedRow);
    const taken: string[] = [];
    for (const run of runs) {
      const live = async (): Promise<void> => {
        for (let n = 0; n < 4; n++) {
          const extras = random.chance(0.1) ? EXTRAS : null;
          const ack = await writer.commit(op(run, { after: [n], extras }));
          expect(ack.taken).toBe(true);
          taken.push(`${run} ${n}`);
        }
      };
      void live();
    }
    while (taken.length < 160 * 4) {
      await database.sent(1);
      if (random.chance(0.5)) await settled();
      const sent = random.pick(database.underWay);
      const rows = database.underWay.flatMap(runsOf);
      expect(new Set(rows).size).toBe(rows.length);
      if (random.chance(0.05)) sent.lose(random.pick(['unavailable', 'unknown']));
      else sent.leaveOut(() => random.chance(0.1));
      await settled();
    }
    expect(new Set(taken).size).toBe(160 * 4);
    expect(taken).toHaveLength(160 * 4);
  }
});
