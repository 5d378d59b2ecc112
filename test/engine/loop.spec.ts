import { Loop } from '../../lib/engine/time/loop.js';
import { until } from '../support/until.js';

/** Turns of a loop of which nobody but who asks needs one. */
function asked(interval: number): { loop: Loop; turns: () => number } {
  let turns = 0;
  const job = async (): Promise<null> => {
    turns++;
    return null;
  };
  const loop = new Loop('Test', interval, job, () => {}, () => false); // prettier-ignore
  return { loop, turns: () => turns };
}

it('is done when it was asked for, though a turn of the interval would have come before and is left out', async () => {
  const { loop, turns } = asked(20);
  loop.start();
  await until(() => turns() === 1);
  // Later than the timer that runs already, which will find that nobody needs its turn.
  loop.within(50);
  await until(() => turns() === 2);
  expect(turns()).toBe(2);
  await loop.stop();
});

it('keeps to the earlier of two times that it was asked for', async () => {
  const { loop, turns } = asked(60_000);
  loop.start();
  await until(() => turns() === 1);
  loop.within(5);
  loop.within(50_000);
  await until(() => turns() === 2);
  expect(turns()).toBe(2);
  await loop.stop();
});

it('does no turn that only the interval asks for where it is not needed, and does not count as hanging', async () => {
  const { loop, turns } = asked(5);
  loop.start();
  await until(() => turns() === 1);
  let oldest = 0;
  // The timer has completed a cycle: the age begins anew.
  await until(() => {
    oldest = Math.max(oldest, loop.age);
    return loop.age < oldest;
  });
  expect(turns()).toBe(1);
  await loop.stop();
});
