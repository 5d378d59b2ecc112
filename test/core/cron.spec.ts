import { Cron } from '../../lib/core/time/cron.js';
import { InvalidCronError } from '../../lib/core/errors/errors.js';
import { DAY, offsetAt } from '../../lib/core/time/zone.js';

/** The next due times after an instant, as ISO text without seconds. */
function due(cron: string, zone: string, after: string, count: number): string[] {
  const times = new Cron(cron, zone);
  const found: string[] = [];
  for (
    let at = Date.parse(after);
    found.length < count;
    found.push(new Date(at).toISOString().replace(':00.000Z', 'Z'))
  ) {
    at = times.next(at);
  }
  return found;
}

/**
 * By hand, from the zones' own rules. Berlin, London and Beirut change on 29 March and 25 October 2026, New York on
 * 8 March and 1 November, Santiago on 5 April and 6 September, Lord Howe (half an hour) and Chatham in April and
 * October or September, Troll (two hours) on 31 March and 27 October 2024.
 */
const table: [what: string, cron: string, zone: string, after: string, expected: string[]][] = [
  // Once a day, at a time in the gap: right after it.
  ['gap', '30 2 * * *', 'Europe/Berlin', '2026-03-28T12:00Z', ['2026-03-29T01:00Z', '2026-03-30T00:30Z']],
  ['start of the gap', '0 2 * * *', 'Europe/Berlin', '2026-03-28T12:00Z', ['2026-03-29T01:00Z', '2026-03-30T00:00Z']],
  ['last second before', '59 59 1 * * *', 'Europe/Berlin', '2026-03-28T12:00Z', ['2026-03-29T00:59:59.000Z']],
  ['end of the gap', '0 3 * * *', 'Europe/Berlin', '2026-03-28T12:00Z', ['2026-03-29T01:00Z', '2026-03-30T01:00Z']],
  ['gap', '30 2 * * *', 'America/New_York', '2026-03-07T12:00Z', ['2026-03-08T07:00Z', '2026-03-09T06:30Z']],
  ['gap', '30 1 * * *', 'Europe/London', '2026-03-28T12:00Z', ['2026-03-29T01:00Z', '2026-03-30T00:30Z']],
  ['gap at midnight', '0 0 * * *', 'America/Santiago', '2026-09-05T12:00Z', ['2026-09-06T04:00Z', '2026-09-07T03:00Z']],
  ['gap at midnight', '30 0 * * SUN', 'Asia/Beirut', '2026-03-27T12:00Z', ['2026-03-28T22:00Z', '2026-04-04T21:30Z']],
  ['half-hour gap', '15 2 * * *', 'Australia/Lord_Howe', '2026-10-03T10:00Z', ['2026-10-03T15:30Z', '2026-10-04T15:15Z']],
  ['half-hour gap, after it', '45 2 * * *', 'Australia/Lord_Howe', '2026-10-03T10:00Z', ['2026-10-03T15:45Z']],
  ['gap', '0 3 * * *', 'Pacific/Chatham', '2026-09-26T10:00Z', ['2026-09-26T14:00Z', '2026-09-27T13:15Z']],
  ['two-hour gap', '30 1 * * *', 'Antarctica/Troll', '2024-03-30T12:00Z', ['2024-03-31T01:00Z', '2024-03-31T23:30Z']],
  // Several times in one gap are one time.
  ['times in the gap', '*/15 2 * * *', 'Europe/Berlin', '2026-03-29T00:00Z', ['2026-03-29T01:00Z', '2026-03-30T00:00Z']],
  ['from the gap on', '30 1-3 * * *', 'Europe/Berlin', '2026-03-29T00:00Z',
    ['2026-03-29T00:30Z', '2026-03-29T01:00Z', '2026-03-29T01:30Z', '2026-03-29T23:30Z']],
  ['every second hour', '0 */2 * * *', 'Europe/Berlin', '2026-03-28T23:30Z',
    ['2026-03-29T01:00Z', '2026-03-29T02:00Z', '2026-03-29T04:00Z']],
  ['two-hour gap', '0 0-3 * * *', 'Antarctica/Troll', '2024-03-30T23:30Z', ['2024-03-31T00:00Z', '2024-03-31T01:00Z', '2024-03-31T22:00Z']],
  // Once a day, at a time that comes twice: the first time.
  ['overlap', '30 2 * * *', 'Europe/Berlin', '2026-10-24T12:00Z', ['2026-10-25T00:30Z', '2026-10-26T01:30Z']],
  ['overlap, asked between', '30 2 * * *', 'Europe/Berlin', '2026-10-25T00:30Z', ['2026-10-26T01:30Z']],
  ['overlap, asked in the second', '45 2 * * *', 'Europe/Berlin', '2026-10-25T01:10Z', ['2026-10-26T01:45Z']],
  ['end of the overlap', '0 3 * * *', 'Europe/Berlin', '2026-10-24T12:00Z', ['2026-10-25T02:00Z', '2026-10-26T02:00Z']],
  ['overlap', '30 1 * * *', 'America/New_York', '2026-10-31T12:00Z', ['2026-11-01T05:30Z', '2026-11-02T06:30Z']],
  ['overlap', '15,45 1 * * *', 'Europe/London', '2026-10-24T12:00Z',
    ['2026-10-25T00:15Z', '2026-10-25T00:45Z', '2026-10-26T01:15Z']],
  ['overlap before midnight', '30 23 * * *', 'America/Santiago', '2026-04-04T12:00Z', ['2026-04-05T02:30Z', '2026-04-06T03:30Z']],
  ['half-hour overlap', '45 1 * * *', 'Australia/Lord_Howe', '2026-04-04T10:00Z', ['2026-04-04T14:45Z', '2026-04-05T15:15Z']],
  ['overlap', '0 3 * * *', 'Pacific/Chatham', '2026-04-04T10:00Z', ['2026-04-04T13:15Z', '2026-04-05T14:15Z']],
  ['two-hour overlap', '30 2 * * *', 'Antarctica/Troll', '2024-10-26T12:00Z', ['2024-10-27T00:30Z', '2024-10-28T02:30Z']],
  ['every second hour', '0 */2 * * *', 'Europe/Berlin', '2026-10-24T22:30Z',
    ['2026-10-25T00:00Z', '2026-10-25T03:00Z', '2026-10-25T05:00Z']],
  // Every hour: as the hours pass.
  ['hourly, gap', '0 * * * *', 'Europe/Berlin', '2026-03-29T00:00Z', ['2026-03-29T01:00Z', '2026-03-29T02:00Z', '2026-03-29T03:00Z']],
  ['hourly, gap', '30 * * * *', 'Europe/Berlin', '2026-03-29T00:00Z', ['2026-03-29T00:30Z', '2026-03-29T01:30Z', '2026-03-29T02:30Z']],
  ['hourly, gap', '30 * * * *', 'America/New_York', '2026-03-08T06:00Z', ['2026-03-08T06:30Z', '2026-03-08T07:30Z']],
  ['hourly, overlap', '0 * * * *', 'Europe/Berlin', '2026-10-24T23:30Z',
    ['2026-10-25T00:00Z', '2026-10-25T01:00Z', '2026-10-25T02:00Z', '2026-10-25T03:00Z']],
  ['hourly, overlap', '30 * * * *', 'Europe/Berlin', '2026-10-24T23:45Z', ['2026-10-25T00:30Z', '2026-10-25T01:30Z', '2026-10-25T02:30Z']],
  ['hourly, overlap', '30 * * * *', 'America/New_York', '2026-11-01T05:00Z', ['2026-11-01T05:30Z', '2026-11-01T06:30Z']],
  ['hourly, two-hour gap', '15 * * * *', 'Antarctica/Troll', '2024-03-31T00:00Z', ['2024-03-31T00:15Z', '2024-03-31T01:15Z']],
  ['hourly, two-hour overlap', '15 * * * *', 'Antarctica/Troll', '2024-10-27T00:00Z',
    ['2024-10-27T00:15Z', '2024-10-27T01:15Z', '2024-10-27T02:15Z', '2024-10-27T03:15Z']],
  // The hour from 2:00 is there, and only its first half is skipped.
  ['hourly, half-hour gap', '0 * * * *', 'Australia/Lord_Howe', '2026-10-03T14:00Z', ['2026-10-03T14:30Z', '2026-10-03T15:30Z', '2026-10-03T16:00Z']],
  ['hourly, half-hour gap', '45 * * * *', 'Australia/Lord_Howe', '2026-10-03T14:30Z', ['2026-10-03T15:15Z', '2026-10-03T15:45Z']],
  ['hourly, gap within two hours', '0 * * * *', 'Pacific/Chatham', '2026-09-26T13:00Z', ['2026-09-26T13:15Z', '2026-09-26T14:00Z', '2026-09-26T14:15Z']],
  ['each ten minutes, overlap', '*/10 * * * *', 'Europe/Berlin', '2026-10-25T00:45Z', ['2026-10-25T00:50Z', '2026-10-25T01:00Z', '2026-10-25T01:10Z']],
  ['each ten minutes, gap', '*/10 * * * *', 'Europe/Berlin', '2026-03-29T00:45Z', ['2026-03-29T00:50Z', '2026-03-29T01:00Z', '2026-03-29T01:10Z']],
  ['hourly on Saturdays, overlap before midnight', '30 * * * SAT', 'America/Santiago', '2026-04-05T02:00Z',
    ['2026-04-05T02:30Z', '2026-04-05T03:30Z', '2026-04-11T04:30Z']],
  // Zones without DST, and UTC.
  ['no DST', '30 9 * * MON-FRI', 'Asia/Kolkata', '2026-03-27T12:00Z', ['2026-03-30T04:00Z', '2026-03-31T04:00Z']],
  ['UTC', '*/15 * * * *', 'UTC', '2026-03-29T00:50Z', ['2026-03-29T01:00Z', '2026-03-29T01:15Z']],
  ['a day that was skipped whole', '0 9 * * *', 'Pacific/Apia', '2011-12-29T12:00Z', ['2011-12-29T19:00Z', '2011-12-30T10:00Z', '2011-12-30T19:00Z']],
]; // prettier-ignore

describe('due times where clocks are changed', () => {
  it.each(table)('%s: %s in %s', (_what, cron, zone, after, expected) => {
    expect(due(cron, zone, after, expected.length)).toEqual(expected);
  });

  it.each([...new Set(table.map(([, , zone]) => zone))])('hourly is every hour around each change in %s', (zone) => {
    const times = new Cron('0 * * * *', zone);
    // Clocks that change by half an hour, or at a quarter to, move the full hour by as much.
    const odd = zone === 'Australia/Lord_Howe' || zone === 'Pacific/Chatham';
    const allowed = odd ? [15, 30, 45, 60, 75, 90] : [60];
    for (let day = Date.UTC(2024, 0, 1); day < Date.UTC(2027, 0, 1); day += DAY) {
      if (offsetAt(day, zone) === offsetAt(day + DAY, zone)) continue;
      for (let at = times.next(day - DAY), next; at < day + 2 * DAY; at = next) {
        next = times.next(at);
        expect(allowed).toContain((next - at) / 60_000);
      }
    }
  });

  it.each(['* * * * *', '*/7 1-3 * * *', '30 0,2 * * *', '0 0 29 2 *', '0 * 1 1 *'])(
    '%s goes forward, and between() gives what next() gives',
    (cron) => {
      for (const [from, to] of [
        ['2026-03-28T22:00Z', '2026-03-29T06:00Z'],
        ['2026-10-24T22:00Z', '2026-10-25T06:00Z'],
        ['2027-12-31T20:00Z', '2028-03-01T00:00Z'],
      ] as const) {
        const times = new Cron(cron, 'Europe/Berlin');
        const [start, end] = [
          Date.parse(from),
          Date.parse(from) + Math.min(Date.parse(to) - Date.parse(from), 43_200_000),
        ];
        const expected: number[] = [];
        for (let at = times.next(start - 1); at <= end; at = times.next(at)) {
          expect(at).toBeGreaterThan(expected.at(-1) ?? 0);
          expected.push(at);
        }
        expect(times.between(start, end, 100_000)).toEqual(expected);
        expect(times.between(start, end, 3)).toEqual(expected.slice(-3));
      }
    },
  );
});

describe('expressions', () => {
  const after = '2026-01-01T00:00Z';

  it.each([
    ['0 9 * * MON-FRI', '2026-01-01T09:00Z'],
    ['0 9 * * mon', '2026-01-05T09:00Z'],
    ['0 9 1 FEB *', '2026-02-01T09:00Z'],
    ['0 0 * * 7', '2026-01-04T00:00Z'],
    ['0 0 * * 0', '2026-01-04T00:00Z'],
    ['  5   4 * * *  ', '2026-01-01T04:05Z'],
    ['30 5 4 * * *', '2026-01-01T04:05:30.000Z'],
    ['0 0 13 * FRI', '2026-01-02T00:00Z'],
    ['0 0 L * *', '2026-01-31T00:00Z'],
    ['0 0 29 2 *', '2028-02-29T00:00Z'],
    ['@yearly', '2027-01-01T00:00Z'],
    ['@annually', '2027-01-01T00:00Z'],
    ['@monthly', '2026-02-01T00:00Z'],
    ['@weekly', '2026-01-04T00:00Z'],
    ['@daily', '2026-01-02T00:00Z'],
    ['@Midnight', '2026-01-02T00:00Z'],
    ['@hourly', '2026-01-01T01:00Z'],
    ['@weekdays', '2026-01-02T00:00Z'],
  ])('%s', (cron, expected) => {
    expect(due(cron, 'UTC', after, 1)).toEqual([expected]);
  });

  it('is after the instant, also within its second', () => {
    const times = new Cron('* * * * * *', 'UTC');
    expect(times.next(1_000)).toBe(2_000);
    expect(times.next(1_000.5)).toBe(2_000);
    expect(times.next(1_999.999)).toBe(2_000);
  });

  it.each([
    ['', 'got 0'],
    ['* * * *', 'got 4'],
    ['* * * * * * *', 'got 7'],
    ['60 * * * *', 'expected range 0-59'],
    ['* 24 * * *', 'expected range 0-23'],
    ['* * 0 * *', 'expected range 1-31'],
    ['* * * 13 *', 'expected range 1-12'],
    ['* * * * 8', 'expected range 0-7'],
    ['*/0 * * * *', 'cannot repeat at every 0 time'],
    ['5-1 * * * *', 'invalid range: 5-1'],
    ['a * * * *', 'invalid characters'],
    ['* * * foo *', 'cannot resolve alias "foo"'],
    ['0 0 30 2 *', 'such a day never comes'],
    ['0 0 31 4 *', 'such a day never comes'],
    ['H * * * *', 'H is not supported'],
    ['@dayly', 'Did you mean "@daily"?'],
    ['@reboot', 'there is no macro of that name'],
    ['@toString', 'there is no macro of that name'],
    [`0 0 * * ${'1,'.repeat(200)}1`, '409 characters, 256 are allowed'],
    [null, 'expected a string, got null'],
    [5, 'expected a string, got the number 5'],
    [{}, 'expected a string, got an object'],
  ])('refuses %.20j: %s', (cron, message) => {
    const make = (): Cron => new Cron(cron as string, 'UTC');
    expect(make).toThrow(InvalidCronError);
    expect(make).toThrow(message);
  });

  it('takes 256 characters', () => {
    const long = `0 0 * * 1${' '.repeat(247)}`;
    expect(long).toHaveLength(256);
    expect(() => new Cron(long, 'UTC')).not.toThrow();
    expect(() => new Cron(`${long} `, 'UTC')).toThrow(InvalidCronError);
  });

  it.each([
    ['Europe/Berln', 'Did you mean "Europe/Berlin"?'],
    ['', 'the string ""'],
    ['+99:00', 'IANA name'],
    [undefined, 'undefined'],
    [7, 'the number 7'],
  ])('refuses the zone %j', (zone, message) => {
    const make = (): Cron => new Cron('@daily', zone as string);
    expect(make).toThrow(InvalidCronError);
    expect(make).toThrow(message);
  });
});
