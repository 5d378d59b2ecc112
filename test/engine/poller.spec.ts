import { QueuePoller } from '../../lib/engine/worker/poller.js';

const settings = { queue: 'default', concurrency: 5, pollInterval: 3_600_000 };

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 1));
}

const nobody = { tell: (): void => {} };

/** Claims that come back when a test says so. */
class Claims {
  private readonly open: ((got: number) => void)[] = [];

  readonly claim = (): Promise<number> => new Promise((resolve) => this.open.push(resolve));

  async next(): Promise<(got: number) => void> {
    while (this.open.length === 0) await new Promise((resolve) => setImmediate(resolve));
    return this.open.shift() as (got: number) => void;
  }
}

it('is waited for until the claim under way is back, though the next one follows at once', async () => {
  const claims = new Claims();
  const poller = new QueuePoller(settings, claims.claim, nobody, () => {});
  poller.start();
  let back = await claims.next();
  // As under load: each claim is told of more before it is back.
  for (let n = 0; n < 3; n++) {
    const looked = poller.looked();
    poller.look();
    back(1);
    await looked;
    back = await claims.next();
    expect(poller.isLooking).toBe(true);
  }
  const stopped = poller.stop();
  back(0);
  await stopped;
  expect(poller.isLooking).toBe(false);
});

it('fills a place that is freed during a claim which then comes back full', async () => {
  const claims = new Claims();
  const poller = new QueuePoller(settings, claims.claim, nobody, () => {});
  poller.start();
  (await claims.next())(1);
  await poller.looked();
  poller.look();
  const back = await claims.next();
  poller.free();
  back(4);
  (await claims.next())(1);
  const stopped = poller.stop();
  await stopped;
  expect(poller.inFlight).toBe(5);
});

it('stops behind the claim that is under way, and makes none after it', async () => {
  const claims = new Claims();
  let made = 0;
  const poller = new QueuePoller(settings, () => (made++, claims.claim()), nobody, () => {}); // prettier-ignore
  poller.start();
  const back = await claims.next();
  poller.look();
  let isStopped = false;
  const stopping = poller.stop().then(() => (isStopped = true));
  await new Promise((resolve) => setImmediate(resolve));
  expect(isStopped).toBe(false);
  back(5);
  await stopping;
  poller.look();
  await new Promise((resolve) => setImmediate(resolve));
  expect([made, poller.inFlight]).toEqual([1, 5]);
});

describe('where it is its turn, and the others leave the work to it', () => {
  function pollerOf(claims: Claims) {
    const told: string[] = [];
    const poller = new QueuePoller(settings, claims.claim, { tell: (whom) => told.push(whom) }, () => {});
    poller.start();
    return { poller, told };
  }

  const settled = () => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

  it('tells nobody while it has room for more', async () => {
    const claims = new Claims();
    const { poller, told } = pollerOf(claims);
    (await claims.next())(0);
    await settled();
    poller.look('turn');
    (await claims.next())(4);
    await poller.looked();
    expect(told).toEqual([]);
    await poller.stop();
  });

  it('tells one of the others when it has taken all it could', async () => {
    const claims = new Claims();
    const { poller, told } = pollerOf(claims);
    (await claims.next())(0);
    await settled();
    poller.expectBacklog();
    (await claims.next())(5);
    await settled();
    expect(told).toEqual(['one']);
    await poller.stop();
  });

  it('tells all others when it has no place, or claims no more', async () => {
    const claims = new Claims();
    const { poller, told } = pollerOf(claims);
    (await claims.next())(5);
    await settled();
    poller.look('turn');
    await settled();
    expect(told).toEqual(['all']);
    poller.look('hint');
    await settled();
    expect(told).toEqual(['all']);
    await poller.stop();
    poller.look('turn');
    await until(() => told.length >= 2);
    expect(told).toEqual(['all', 'all']);
  });

  it('tells all others when it is stopped while another claim is under way', async () => {
    const claims = new Claims();
    const { poller, told } = pollerOf(claims);
    const back = await claims.next();
    poller.look('turn');
    const stopped = poller.stop();
    back(0);
    await stopped;
    expect(told).toEqual(['all']);
  });

  it('tells the others when a limit lets more through and it has no place by then', async () => {
    const told: string[] = [];
    let said: () => void = () => {};
    const all = new Promise<void>((resolve) => (said = resolve));
    const others = {
      tell: (whom: string) => {
        told.push(whom);
        said();
      },
    };
    const poller = new QueuePoller(
      settings,
      async () => {
        poller.lookAtRate(1);
        return 5;
      },
      others,
      () => {},
    );
    poller.start();
    await all;
    // Told once, however long it stays full.
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(told).toEqual(['all']);
    await poller.stop();
  });

  it('tells one of the others of its own work when it has no place', async () => {
    const claims = new Claims();
    const { poller, told } = pollerOf(claims);
    (await claims.next())(5);
    await settled();
    poller.expectBacklog();
    await settled();
    expect(told).toEqual(['one']);
    await poller.stop();
  });

  it('tells the others too when only the look that is made again finds more than it takes, or the claim fails at first', async () => {
    for (const first of [0, new Error('no answer')]) {
      const told: string[] = [];
      let claimed = 0;
      let said: () => void = () => {};
      const done = new Promise<void>((resolve) => (said = resolve));
      const claim = async (): Promise<number> => {
        claimed++;
        if (claimed === 1) return 0;
        if (claimed > 2) return 5;
        if (first instanceof Error) throw first;
        return first;
      };
      const poller = new QueuePoller(settings, claim, { tell: (whom) => (told.push(whom), said()) }, () => {});
      poller.start();
      await settled();
      poller.look('turn');
      await done;
      expect([told, claimed]).toEqual([['one'], 3]);
      await poller.stop();
    }
  });

  it('leaves its own work to another while a claim takes long, whenever it came', async () => {
    for (const isEarly of [true, false]) {
      const claims = new Claims();
      const { poller, told } = pollerOf(claims);
      const back = await claims.next();
      const begun = performance.now();
      if (isEarly) poller.expectBacklog();
      expect(told).toEqual([]);
      await until(() => performance.now() - begun > 110);
      if (!isEarly) poller.expectBacklog();
      await until(() => told.length > 0);
      expect(told).toEqual(['one']);
      const stopped = poller.stop();
      back(0);
      await stopped;
    }
  });

  it('leaves it to the others when it stops before it has looked again', async () => {
    const claims = new Claims();
    const { poller, told } = pollerOf(claims);
    (await claims.next())(0);
    await settled();
    poller.look('turn');
    (await claims.next())(0);
    await poller.looked();
    await poller.stop();
    await until(() => told.length > 0);
    expect(told).toEqual(['all']);
  });

  it('tells at once, and then once in 100 ms for as long as there is more', async () => {
    const told: number[] = [];
    const poller = new QueuePoller(
      settings,
      async () => 5,
      { tell: () => told.push(performance.now()) },
      () => {},
    );
    poller.start();
    await settled();
    for (let n = 0; n < 50; n++) {
      poller.look('turn');
      await settled();
    }
    await until(() => told.length >= 2);
    expect((told[1] ?? 0) - (told[0] ?? 0)).toBeGreaterThan(50);
    // What is there no more is told of no more.
    poller.look('turn');
    for (let n = 0; n < 5; n++) poller.free();
    await poller.stop();
  });
});

describe('where it is the turn of another', () => {
  it('does not look twice where it finds nothing', async () => {
    let made = 0;
    const poller = new QueuePoller(
      settings,
      async () => (made++, 0),
      nobody,
      () => {},
    );
    poller.start();
    await poller.looked();
    poller.relieve(1);
    await until(() => made === 2);
    await poller.looked();
    // Longer than it would wait by the same clock, however slow the machine.
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(made).toBe(2);
    await poller.stop();
  });

  it('looks in its place, unless it has looked by then', async () => {
    let made = 0;
    let found: () => void = () => {};
    const poller = new QueuePoller(
      settings,
      async () => (made++, found(), 0),
      nobody,
      () => {},
    );
    poller.start();
    await poller.looked();
    const relieved = new Promise<void>((resolve) => (found = resolve));
    poller.relieve(1);
    await relieved;
    expect(made).toBe(2);
    await poller.looked();
    poller.relieve(20);
    poller.look();
    await poller.looked();
    // Longer than that by the same clock, however slow the machine.
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(made).toBe(3);
    await poller.stop();
  });
});
