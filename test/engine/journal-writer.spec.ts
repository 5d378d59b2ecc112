import { newRun } from '../../lib/core/run/new-run.js';
import { jest } from '@jest/globals';
import { JournalWriter } from '../../lib/engine/journal/journal-writer.js';
import {
  type Ack,
  type CommitGroup,
  type EngineStore,
  type GroupResult,
  type LeasedRow,
  type RunOp,
  type StartOp,
  StoreError,
} from '../../lib/engine/ports/store.js';

/** What the database says to a commit: takes it, or fails. */
type Answer = (group: CommitGroup) => GroupResult | Promise<GroupResult>;

/** A database that answers as it is told, and notes what it was asked. */
class Database {
  /** Each commit in turn: `run a + run b`, with `again:` before what may have landed. */
  readonly asked: string[] = [];
  answer: Answer = taken;
  leasedRows = async (): Promise<Map<string, LeasedRow>> => new Map();
  readonly canCommitBeside = (): boolean => this.beside;
  /** A second session is there. */
  beside = false;

  commitGroup(_: number, group: CommitGroup): Promise<GroupResult> {
    return this.ask('', group);
  }

  commitAgain(_: number, group: CommitGroup): Promise<GroupResult> {
    return this.ask('again: ', group);
  }

  private async ask(how: string, group: CommitGroup): Promise<GroupResult> {
    const names = [...group.ops.map(({ runId }) => `run ${runId}`), ...group.starts.map(({ id }) => `start ${id}`)];
    this.asked.push(how + names.join(' + '));
    await new Promise((resolve) => setImmediate(resolve));
    return this.answer(group);
  }
}

const ACK: Ack = { taken: true, paused: false, watched: false, ready: false, wake: false, cancel: false };

function taken({ ops }: CommitGroup): GroupResult {
  return { acks: new Map(ops.map(({ rowId }) => [rowId, ACK])), claimed: [], woken: [] };
}

/** Refuses what the run has part in. */
function refusing(run: string, kind: StoreError['kind'], times = Infinity): Answer {
  let left = times;
  return (group) => {
    if (group.ops.some(({ runId }) => runId === run) && left-- > 0) throw new StoreError(kind, `no ${run}`);
    return taken(group);
  };
}

let database: Database;
let writer: JournalWriter;
let troubles: string[];

beforeEach(() => {
  database = new Database();
  troubles = [];
  writer = new JournalWriter(
    database as unknown as EngineStore,
    () => 1,
    (_, send) => send(null),
    (message) => troubles.push(message),
    () => {},
  );
});

afterEach(() => {
  writer.close();
  jest.useRealTimers();
});

function op(run: string): RunOp {
  return {
    rowId: run, runId: run, token: 1, after: [], afterWait: null, records: [], outcome: null, extras: null,
  }; // prettier-ignore
}

function start(id: string): StartOp {
  return newRun({ id, workflow: 'order', definitionId: 1, queue: 'default', priority: 0, input: '{}' });
}

/** Commits for a run, one after the other, until it is told to stop: what else the process has to write. */
function others(): { stop: () => Promise<number> } {
  const asked = { stop: false };
  const commits = async (): Promise<number> => {
    for (let count = 0; ; count++) {
      if (asked.stop) return count;
      await writer.commit(op('other'));
    }
  };
  const loop = commits();
  return {
    stop: () => {
      asked.stop = true;
      return loop;
    },
  };
}

function fakeTime(): void {
  jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask'] });
}

/** Lets the time pass until it is so. */
async function passing<T>(work: Promise<T>): Promise<T> {
  const state = { over: false };
  const end = (): void => void (state.over = true);
  work.then(end, end);
  while (!state.over) {
    await new Promise((resolve) => setImmediate(resolve));
    jest.advanceTimersByTime(50);
  }
  return work;
}

describe('a group', () => {
  it('holds whatever is ready, operations and starts', async () => {
    await Promise.all([writer.commit(op('a')), writer.start(start('s')), writer.commit(op('b'))]);
    expect(database.asked).toEqual(['run a + run b + start s']);
  });

  it('that is refused is committed one by one: the one that is bad harms no other', async () => {
    database.answer = refusing('b', 'rejected');
    const [bad, ...good] = await Promise.allSettled(['b', 'a', 'c'].map((run) => writer.commit(op(run))));
    expect(bad).toMatchObject({ status: 'rejected', reason: { message: 'no b' } });
    expect(good).toMatchObject([{ value: ACK }, { value: ACK }]);
    expect(database.asked).toHaveLength(4);
    expect(troubles).toEqual([]);
  });

  it('whose answer was lost is looked for as a whole before anything is written again', async () => {
    let lost = 1;
    database.answer = (group) => {
      if (lost-- > 0) throw new StoreError('unknown', 'the connection broke');
      return taken(group);
    };
    await Promise.all([writer.commit(op('a')), writer.commit(op('b')), writer.start(start('s'))]);
    expect(database.asked).toEqual(['run a + run b + start s', 'again: run a + run b + start s']);
  });

  it('whose answer was lost keeps nobody waiting while the row of one in it is locked', async () => {
    let isLocked = true;
    database.answer = (group) => {
      if (database.asked.length === 1) throw new StoreError('unknown', 'the connection broke');
      return taken({ ...group, ops: group.ops.filter(({ runId }) => runId !== 'locked' || !isLocked) });
    };
    database.leasedRows = async () => new Map([['locked', { token: 1, wake: false, paused: false, cancel: null }]]);
    const first = Promise.all([writer.commit(op('locked')), writer.commit(op('a'))]);
    expect(await writer.commit(op('b'))).toEqual(ACK);
    expect(await writer.commit(op('a'))).toEqual(ACK);
    await writer.start(start('s'));
    isLocked = false;
    expect(await first).toEqual([ACK, ACK]);
    expect(database.asked.filter((one) => one.includes('run locked')).slice(1)).toEqual(
      expect.arrayContaining(['again: run locked']),
    );
  });

  it('that was not sent goes as it was', async () => {
    let lost = 1;
    database.answer = (group) => {
      if (lost-- > 0) throw new StoreError('unavailable', 'no connection');
      return taken(group);
    };
    await Promise.all([writer.commit(op('a')), writer.commit(op('b'))]);
    expect(database.asked).toEqual(['run a + run b', 'run a + run b']);
  });

  it('in which something stands on what is not there tells that its lease is lost', async () => {
    database.answer = () => ({ acks: new Map([['a', { taken: false }]]), claimed: [], woken: [] });
    expect(await writer.commit(op('a'))).toEqual({ taken: false });
  });
});

describe('what this process itself throws on the way to the server', () => {
  it('is no unknown outcome: nothing is looked for, and only the one that it is about fails', async () => {
    database.answer = (group) => {
      if (group.ops.some(({ runId }) => runId === 'bad')) throw new RangeError('Invalid string length');
      return taken(group);
    };
    const [bad, good] = await Promise.allSettled(['bad', 'good'].map((run) => writer.commit(op(run))));
    expect(bad).toMatchObject({ status: 'rejected', reason: expect.any(RangeError) });
    expect(good).toMatchObject({ value: ACK });
    expect(database.asked.filter((one) => one.startsWith('again'))).toEqual([]);
  });

  it('when it tells who was woken does not keep the group from being answered', async () => {
    const failing = new JournalWriter(
      database as unknown as EngineStore,
      () => 1,
      (_, send) => send(null),
      (message) => troubles.push(message),
      () => {
        throw new Error('nobody there');
      },
    );
    database.answer = (group) => ({
      ...taken(group),
      woken: [{ runId: 'p', queue: 'q', paused: false, state: 'ready' }],
    });
    expect(await failing.commit(op('a'))).toEqual(ACK);
    expect(troubles).toEqual([expect.stringContaining('nobody there')]);
  });
});

describe('an operation that is refused for a passing reason', () => {
  it('goes behind the others, and is given up when it is refused again and again while they are taken', async () => {
    fakeTime();
    database.answer = refusing('poison', 'retry');
    const rest = others();
    await expect(passing(writer.commit(op('poison')))).rejects.toMatchObject({ kind: 'retry' });
    const between = database.asked.join(', ').split('run poison').slice(1, -1);
    // Once in a group with others, and then by itself.
    expect(between).toHaveLength(8);
    for (const commits of between) expect(commits).toContain('run other');
    expect(await rest.stop()).toBeGreaterThan(7);
    expect(troubles).toEqual(['A commit of run poison was refused; retrying: no poison']);
  });

  it('is given up also where there is nothing else to write', async () => {
    database.answer = refusing('poison', 'retry');
    await expect(writer.commit(op('poison'), 3)).rejects.toMatchObject({ kind: 'retry' });
    expect(database.asked).toHaveLength(3);
  });

  it('is committed when the reason has passed', async () => {
    database.answer = refusing('a', 'retry', 3);
    expect(await writer.commit(op('a'))).toEqual(ACK);
  });

  it.each([
    ['the database refuses everybody', 'retry', ['a', 'b']],
    ['it is disk or memory that the server lacks', 'scarce', ['a']],
  ] as const)('is never given up while %s', async (_, kind, runs) => {
    let refusals = 0;
    let pass: () => void = () => {};
    const often = new Promise<void>((resolve) => (pass = resolve));
    database.answer = () => {
      if (++refusals === 3 * 8 * runs.length) pass();
      throw new StoreError(kind, 'not now');
    };
    fakeTime();
    const commits = Promise.all(runs.map((run) => writer.commit(op(run))));
    await passing(often);
    database.answer = taken;
    expect(await passing(commits)).toEqual(runs.map(() => ACK));
  });
});

describe('when the writer is closed', () => {
  it('what waits and what is on its way is settled, and each start says whether it may have been made', async () => {
    let arrived: () => void = () => {};
    const there = new Promise<void>((resolve) => (arrived = resolve));
    database.answer = () => {
      arrived();
      return new Promise(() => {});
    };
    const sent = writer.start(start('sent'));
    const running = writer.commit(op('a'));
    await there;
    const waiting = writer.start(start('waiting'));
    writer.close();
    expect(await running).toEqual({ taken: false });
    await expect(sent).rejects.toMatchObject({
      code: 'DATABASE_UNAVAILABLE',
      message: expect.stringContaining('may or may not'),
    });
    await expect(waiting).rejects.toMatchObject({ message: expect.stringContaining('"order" was not started') });
  });

  it('what comes later is refused', async () => {
    writer.close();
    expect(await writer.commit(op('a'))).toEqual({ taken: false });
    await expect(writer.start(start('late'))).rejects.toMatchObject({
      message: expect.stringContaining('was not started'),
    });
    expect(database.asked).toEqual([]);
  });

  it.each(['unavailable', 'unknown', 'retry', 'rejected'] as const)(
    'nothing that was on its way is tried again (%s)',
    async (kind) => {
      let refuse: (error: Error) => void = () => {};
      let arrived: () => void = () => {};
      const there = new Promise<void>((resolve) => (arrived = resolve));
      database.answer = () => {
        arrived();
        return new Promise((_, reject) => (refuse = reject));
      };
      const all = Promise.allSettled([writer.commit(op('a')), writer.start(start('s')), writer.commit(op('b'))]);
      await there;
      writer.close();
      refuse(new StoreError(kind, 'over'));
      expect((await all).map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
      fakeTime();
      await passing(new Promise((resolve) => setTimeout(resolve, 60_000)));
      expect([database.asked.length, writer.isIdle]).toEqual([1, true]);
    },
  );
});

it.each([
  ['on its way', 'may or may not', () => new Promise<GroupResult>(() => {})],
  ['not on its way', 'was not started', () => Promise.reject(new StoreError('unavailable', 'no connection'))],
])('a start waits for 30 s at the most, %s', async (_, says, answer) => {
  fakeTime();
  database.answer = answer;
  const since = performance.now();
  await expect(passing(writer.start(start('s')))).rejects.toMatchObject({
    code: 'DATABASE_UNAVAILABLE',
    message: expect.stringContaining(says),
  });
  expect(performance.now() - since).toBeLessThan(33_000);
});
