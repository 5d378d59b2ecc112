import { CronExpressionParser } from 'cron-parser';
import { Cron } from '../../lib/core/time/cron.js';
import { cronWords } from '../../lib/core/time/cron-words.js';

it.each([
  ['* * * * *', 'Every minute'],
  ['* * * * * *', 'Every second'],
  ['*/30 * * * * *', 'Every 30 seconds'],
  ['*/30 0 9 * * *', 'Every 30 seconds of minute 0 of hour 9'],
  ['*/5 * * * *', 'Every 5 minutes'],
  ['0 * * * *', 'Every hour'],
  ['5 * * * *', 'Every hour, 5 minutes past'],
  ['1 * * * *', 'Every hour, 1 minute past'],
  ['0 */2 * * *', 'Every 2 hours'],
  ['15 */6 * * *', 'Every 6 hours, 15 minutes past'],
  ['30 15 * * * *', 'Every hour, 15 minutes and 30 seconds past'],
  ['0 7 * * *', 'At 07:00 every day'],
  ['5 0 7 * * *', 'At 07:00:05 every day'],
  ['0 7 * * MON-FRI', 'At 07:00 on weekdays'],
  ['0 7 * * 1,2,3,4,5', 'At 07:00 on weekdays'],
  ['0 9 * * 0,6', 'At 09:00 on weekends'],
  ['0 9 * * 6,7', 'At 09:00 on weekends'],
  ['54 0 * * 5', 'At 00:54 on Friday'],
  ['0 8 * * mon,thu', 'At 08:00 on Monday and Thursday'],
  ['0 8 * * 1-4', 'At 08:00 from Monday to Thursday'],
  ['0 8 * * 2#2', 'At 08:00 on the second Tuesday of the month'],
  ['0 8 * * 5L', 'At 08:00 on the last Friday of the month'],
  ['0 7,12,18 * * *', 'At 07:00, 12:00 and 18:00 every day'],
  ['0,30 8,9 * * *', 'At 08:00, 08:30, 09:00 and 09:30 every day'],
  ['*/15 9-17 * * 1-5', 'Every 15 minutes from 09:00 to 17:59 on weekdays'],
  ['0 9-17 * * *', 'Every hour from 09:00 to 17:00'],
  ['30 9-17/2 * * *', 'Every 2 hours from 09:30 to 17:30'],
  ['0,20,40 8-18 * * *', 'At minutes 0, 20 and 40 of hours 8 to 18 every day'],
  ['10-20 * * * *', 'At minutes 10 to 20 of every hour'],
  ['15 22 L * *', 'At 22:15 on the last day of the month'],
  ['0 6 27 11 *', 'At 06:00 on 27 November'],
  ['0 6 27 NOV *', 'At 06:00 on 27 November'],
  ['0 0 1 * *', 'At 00:00 on day 1 of the month'],
  ['0 0 1,15 * *', 'At 00:00 on days 1 and 15 of the month'],
  ['0 0 1-7 * *', 'At 00:00 on days 1 to 7 of the month'],
  ['0 0 */2 * *', 'At 00:00 on every 2nd day of the month'],
  ['0 0 13 * 5', 'At 00:00 on day 13 of the month or on Friday'],
  ['0 12 * 1,6 *', 'At 12:00 in January and June'],
  ['0 12 * 6-8 1', 'At 12:00 on Monday from June to August'],
  ['0 12 1 */3 *', 'At 12:00 on day 1 of the month in every 3rd month'],
  ['5/20 * * * *', 'At minutes every 20th from 5 to 59 of every hour'],
  ['@daily', 'At 00:00 every day'],
  ['@hourly', 'Every hour'],
  ['@weekly', 'At 00:00 on Sunday'],
  ['@yearly', 'At 00:00 on 1 January'],
  ['@weekdays', 'At 00:00 on weekdays'],
  ['@WEEKENDS', 'At 00:00 on weekends'],
])('%s: %s', (expression, words) => {
  expect(() => new Cron(expression, 'UTC')).not.toThrow();
  expect(cronWords(expression)).toBe(words);
});

it.each(['', '* * *', '@never', '1 2 3 4 5 6 7', '0 0 ! * *', '0 0 W * *'])('has no words for %j', (expression) => {
  expect(cronWords(expression)).toBeNull();
});

it('or, where a day and a weekday are given, is what the parser makes of it', () => {
  const times = CronExpressionParser.parse('0 0 13 * 5', { tz: 'UTC', currentDate: new Date('2026-11-01T00:00:00Z') });
  expect([1, 2, 3].map(() => times.next().getDate())).toEqual([6, 13, 20]);
});
