import { setImmediate as macrotask } from 'node:timers/promises';
import { PassTurns } from '../../lib/engine/step/pass-turns.js';

let given: string[];
let turns: PassTurns;

beforeEach(() => {
  given = [];
  turns = new PassTurns(() => given.push('idle'));
});

function give(name: string): () => void {
  return () => void given.push(name);
}

async function turn(times = 1): Promise<string[]> {
  for (let n = 0; n < times; n++) await macrotask();
  return given.splice(0);
}

it('gives what is offered in its order, one in each macrotask, and says when a further one has brought nothing', async () => {
  turns.offer(7, give('late'));
  turns.offer(3, give('early'));
  expect(given).toEqual([]);
  expect(await turn()).toEqual(['early']);
  turns.offer(5, give('between'));
  expect(await turn()).toEqual(['between']);
  expect(await turn()).toEqual(['late']);
  expect(await turn()).toEqual(['idle']);
  expect(await turn(3)).toEqual([]);
});

it('is idle a macrotask after something was asked for that is not there', async () => {
  expect(await turn(3)).toEqual([]);
  turns.miss();
  expect(await turn()).toEqual(['idle']);
  turns.miss();
  turns.offer(1, give('there'));
  expect(await turn(2)).toEqual(['there', 'idle']);
});

it('gives nothing and is not idle while something is being recorded', async () => {
  let record: () => void = () => {};
  turns.offer(1, give('first'));
  const kept = turns.keepAlive(() => new Promise<void>((resolve) => (record = resolve)));
  expect(await turn(5)).toEqual([]);
  record();
  await kept;
  expect(await turn(2)).toEqual(['first', 'idle']);
  await expect(turns.keepAlive(() => Promise.reject(new Error('not recorded')))).rejects.toThrow('not recorded');
  expect(await turn()).toEqual(['idle']);
});

it('gives nothing any more once it is stopped', async () => {
  turns.offer(1, give('first'));
  turns.stop();
  turns.offer(2, give('second'));
  expect(await turn(3)).toEqual([]);
});
