import { Batched } from '../../lib/storage/reads/batched.js';

it('asks once for what is asked for at a time, and gives each its own', async () => {
  const asked: (readonly number[])[] = [];
  const batched = new Batched<number, string>(async (keys) => {
    asked.push(keys);
    return keys.map((key) => `v${key}`);
  });
  // One of them asks again at once, for another look.
  const twice = batched.ask(1).then((first) => batched.ask(9).then((second) => [first, second]));
  expect(await Promise.all([twice, batched.ask(2), Promise.resolve().then(() => batched.ask(1))])).toEqual([
    ['v1', 'v9'],
    'v2',
    'v1',
  ]);
  expect(asked).toEqual([[1, 2, 1], [9]]);
});

it('fails all that were asked for together, and none that come later', async () => {
  let broken = true;
  const batched = new Batched<number, number>(async (keys) => {
    if (broken) throw new Error('gone');
    return keys;
  });
  const both = await Promise.allSettled([batched.ask(1), batched.ask(2)]);
  expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  broken = false;
  expect(await batched.ask(3)).toBe(3);
});
