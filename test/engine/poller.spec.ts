import { QueuePoller } from '../../lib/engine/worker/poller.js';

const settings = { queue: 'default', concurrency: 5, pollInterval: 3_600_000 };

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
  const poller = new QueuePoller(settings, claims.claim, () => {});
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

it('stops behind the claim that is under way, and makes none after it', async () => {
  const claims = new Claims();
  let made = 0;
  const poller = new QueuePoller(settings, () => (made++, claims.claim()), () => {}); // prettier-ignore
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
