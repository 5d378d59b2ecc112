import { relative } from '../../lib/cli/output/time.js';

const [MINUTE, HOUR] = [60_000, 3_600_000];

it.each([
  [0, 'now', 'now'],
  [59_900, '59 s ago', 'in 59 s'],
  [150_000, '3 min ago', 'in 3 min'],
  [119 * MINUTE, '119 min ago', 'in 119 min'],
  [2 * HOUR - 1, '120 min ago', 'in 120 min'],
  [2 * HOUR + 50 * MINUTE, '3 h ago', 'in 3 h'],
  [24 * HOUR - 1, '24 h ago', 'in 24 h'],
  [71 * HOUR, '3 d ago', 'in 3 d'],
])('a time that is %i ms away: %s, %s', (ms, past, future) => {
  const now = Date.parse('2026-03-01T12:00:00Z');
  expect([relative(new Date(now - ms), now), relative(new Date(now + ms), now)]).toEqual([past, future]);
});
