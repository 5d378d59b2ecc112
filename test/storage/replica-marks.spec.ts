import { ConnectionLostError } from '../../lib/storage/connection/connection-errors.js';
import { ReplicaMarks } from '../../lib/storage/connection/replica-marks.js';
import type { Query } from '../../lib/storage/connection/transaction.js';

/** A primary and a replica whose logs are numbers, and a clock that stands still between two looks at the replica. */
class Servers {
  time = 0;
  /** What the primary says when it is asked next; none: how far it is. */
  readonly answers: (() => unknown)[] = [];
  log = 1;
  replayed: number | null = 1;
  asked = 0;
  looks = 0;
  late = 0;

  readonly marks = new ReplicaMarks({
    ask: (() => {
      this.asked++;
      const answer = this.answers.shift() ?? (() => [{ lsn: String(this.log) }]);
      return Promise.resolve().then(answer);
    }) as unknown as Query,
    now: () => this.time,
    onLate: () => void this.late++,
  });

  /** Each look at the replica takes 300 ms. */
  readonly here = ((_text: string, [lsn]: [string]) => {
    this.looks++;
    this.time += 300;
    return Promise.resolve([{ reached: this.replayed === null ? null : this.replayed >= Number(lsn) }]);
  }) as unknown as Query;

  allow(): Promise<boolean> {
    return this.marks.allow(this.here);
  }

  /** Something is committed that people are told of. */
  commit(): void {
    this.log++;
    this.marks.changed();
  }
}

const lost = (): never => {
  throw new ConnectionLostError('cut', true);
};
const never = (): Promise<never> => new Promise(() => {});

let servers: Servers;
beforeEach(() => (servers = new Servers()));

it('asks the primary twice at most for one look, however many events come meanwhile', async () => {
  const more = (): unknown => {
    servers.marks.changed();
    return [{ lsn: '1' }];
  };
  servers.answers.push(...Array.from({ length: 50 }, () => more));
  servers.commit();
  expect(await Promise.all([servers.allow(), servers.allow()])).toEqual([true, true]);
  expect(servers.asked).toBeLessThanOrEqual(2);
});

it('has a look that comes while the primary is being asked wait for the answer to a question of its own', async () => {
  let answer = (): void => {};
  servers.answers.push(() => new Promise((resolve) => (answer = () => resolve([{ lsn: '1' }]))));
  const first = servers.allow();
  servers.commit();
  const second = servers.allow();
  answer();
  expect([await first, await second]).toEqual([true, false]);
  expect(servers.asked).toBe(2);
});

it('waits for a late replica once, then only asks until it has what was waited for', async () => {
  await servers.allow();
  servers.commit();
  expect(await servers.allow()).toBe(false);
  for (let n = 0; n < 3; n++) {
    servers.commit();
    const before = servers.looks;
    expect(await servers.allow()).toBe(false);
    expect(servers.looks - before).toBe(1);
  }
  servers.replayed = servers.log;
  expect(await servers.allow()).toBe(true);
});

it('tells once that the replica is late by more than 5 s, also while events come without end', async () => {
  for (let n = 0; n < 40; n++) {
    servers.commit();
    expect(await servers.allow()).toBe(false);
  }
  expect(servers.late).toBe(1);
  servers.replayed = servers.log;
  expect(await servers.allow()).toBe(true);
  servers.commit();
  expect(await servers.allow()).toBe(false);
  expect(servers.late).toBe(1);
});

it('asks the primary again after a lost session', async () => {
  servers.answers.push(lost);
  servers.commit();
  expect(await servers.allow()).toBe(false);
  servers.replayed = servers.log;
  expect(await servers.allow()).toBe(true);
  expect(servers.asked).toBe(2);
});

it.each([
  ['fails', [lost, lost]],
  ['does not answer', [never]],
])('sends looks to the primary after an act where its answer %s', async (_how, answers) => {
  expect(await servers.allow()).toBe(true);
  servers.answers.push(...answers);
  servers.commit();
  servers.replayed = null;
  expect(await servers.allow()).toBe(false);
  expect(await servers.allow()).toBe(false);
  servers.replayed = servers.log;
  servers.time += 6_000;
  expect(await servers.allow()).toBe(true);
});

it('keeps what the replica must have where the primary does not say more', async () => {
  await servers.allow();
  servers.commit();
  expect(await servers.allow()).toBe(false);
  servers.time += 6_000;
  servers.answers.push(lost, lost);
  expect(await servers.allow()).toBe(false);
});

it('allows a replica while the primary is away and nothing was told of', async () => {
  servers.answers.push(lost, lost);
  expect(await servers.allow()).toBe(true);
});

it('has looks on the primary for a second after a change where a server does not say how far it is', async () => {
  servers.replayed = null;
  expect(await servers.allow()).toBe(true);
  servers.commit();
  expect(await servers.allow()).toBe(false);
  servers.time += 1_000;
  expect(await servers.allow()).toBe(true);
  expect(servers.late).toBe(0);
});
