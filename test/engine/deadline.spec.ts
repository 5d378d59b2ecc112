import { withDeadline } from '../../lib/engine/time/deadline.js';

const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20));

it('a deadline of more ms than a timer of Node holds is no deadline of one', async () => {
  let end: () => void = () => {};
  const work = new Promise<void>((resolve) => (end = resolve));
  const told: string[] = [];
  const over = withDeadline(work, 2 ** 31 + 5_000).then(() => told.push('over'));
  await turn();
  told.push('end');
  end();
  await over;
  expect(told).toEqual(['end', 'over']);
});
