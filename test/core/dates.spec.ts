import { endOfDay, nextBusinessDay, nextWeekday } from '../../lib/core/time/dates.js';
import { InvalidInputError } from '../../lib/core/errors/errors.js';

const at = (iso: string): Date => new Date(iso);

describe('nextBusinessDay', () => {
  // now, timezone, hour, the next one
  it.each([
    ['2024-01-03T08:59:59.999Z', 'UTC', 9, '2024-01-03T09:00:00.000Z'],
    ['2024-01-03T09:00:00.000Z', 'UTC', 9, '2024-01-04T09:00:00.000Z'],
    ['2024-01-05T10:00:00.000Z', 'UTC', 9, '2024-01-08T09:00:00.000Z'],
    ['2024-01-06T00:00:00.000Z', 'UTC', 9, '2024-01-08T09:00:00.000Z'],
    ['2024-01-07T23:59:00.000Z', 'UTC', 0, '2024-01-08T00:00:00.000Z'],
    // It is still Friday in New York, and already Saturday in Auckland.
    ['2024-01-06T01:00:00.000Z', 'America/New_York', 23, '2024-01-06T04:00:00.000Z'],
    ['2024-01-05T12:00:00.000Z', 'Pacific/Auckland', 9, '2024-01-07T20:00:00.000Z'],
    // The clocks change in the weekend: 9 o'clock is another instant on Monday.
    ['2024-03-08T15:00:00.000Z', 'America/New_York', 9, '2024-03-11T13:00:00.000Z'],
    ['2024-11-01T15:00:00.000Z', 'America/New_York', 9, '2024-11-04T14:00:00.000Z'],
    ['2024-03-29T12:00:00.000Z', 'Europe/Berlin', 9, '2024-04-01T07:00:00.000Z'],
    ['2024-10-25T12:00:00.000Z', 'Europe/Berlin', 9, '2024-10-28T08:00:00.000Z'],
    // Half an hour of daylight saving.
    ['2024-04-05T00:00:00.000Z', 'Australia/Lord_Howe', 9, '2024-04-07T22:30:00.000Z'],
    ['2024-10-04T00:00:00.000Z', 'Australia/Lord_Howe', 9, '2024-10-06T22:00:00.000Z'],
    // Apia went over the date line and had no Friday, 30 December 2011: after Thursday comes Monday.
    ['2011-12-29T20:00:00.000Z', 'Pacific/Apia', 9, '2012-01-01T19:00:00.000Z'],
    ['2024-01-03T00:00:00.000Z', 'Asia/Kathmandu', 9, '2024-01-03T03:15:00.000Z'],
  ])('%s in %s at %d is %s', (now, timezone, hour, expected) => {
    expect(nextBusinessDay({ now: at(now), timezone, hour }).toISOString()).toBe(expected);
  });

  it('is at 9 in UTC unless told, and takes the clock for now', () => {
    expect(nextBusinessDay({ now: at('2024-01-03T00:00:00Z') })).toEqual(at('2024-01-03T09:00:00Z'));
    const date = nextBusinessDay();
    expect(date.getTime()).toBeGreaterThan(Date.now() - 1);
    expect(date.toISOString()).toMatch(/T09:00:00.000Z$/);
  });
});

describe('nextWeekday', () => {
  it.each([
    ['monday', '2024-01-01T08:00:00.000Z', 'UTC', 9, '2024-01-01T09:00:00.000Z'],
    ['monday', '2024-01-01T09:00:00.000Z', 'UTC', 9, '2024-01-08T09:00:00.000Z'],
    ['sunday', '2024-01-01T00:00:00.000Z', 'UTC', 23, '2024-01-07T23:00:00.000Z'],
    // 02:00 is skipped on that day: right after the gap.
    ['sunday', '2024-03-09T12:00:00.000Z', 'America/New_York', 2, '2024-03-10T07:00:00.000Z'],
    ['sunday', '2024-03-30T12:00:00.000Z', 'Europe/Berlin', 2, '2024-03-31T01:00:00.000Z'],
    ['sunday', '2024-10-05T00:00:00.000Z', 'Australia/Lord_Howe', 2, '2024-10-05T15:30:00.000Z'],
    // Midnight is skipped: the day begins at 01:00.
    ['sunday', '2018-11-03T12:00:00.000Z', 'America/Sao_Paulo', 0, '2018-11-04T03:00:00.000Z'],
    // 01:00 and 02:00 come twice: the first; once it has passed, a week later.
    ['sunday', '2024-11-02T12:00:00.000Z', 'America/New_York', 1, '2024-11-03T05:00:00.000Z'],
    ['sunday', '2024-11-03T05:30:00.000Z', 'America/New_York', 1, '2024-11-10T06:00:00.000Z'],
    ['sunday', '2024-10-26T12:00:00.000Z', 'Europe/Berlin', 2, '2024-10-27T00:00:00.000Z'],
    // No such Friday in Apia: the one after.
    ['friday', '2011-12-29T20:00:00.000Z', 'Pacific/Apia', 9, '2012-01-05T19:00:00.000Z'],
    ['saturday', '2011-12-29T20:00:00.000Z', 'Pacific/Apia', 9, '2011-12-30T19:00:00.000Z'],
  ] as const)('%s after %s in %s at %d is %s', (weekday, now, timezone, hour, expected) => {
    expect(nextWeekday(weekday, { now: at(now), timezone, hour }).toISOString()).toBe(expected);
  });
});

describe('endOfDay', () => {
  it.each([
    ['2024-01-03T00:00:00.000Z', 'UTC', '2024-01-03T23:59:59.999Z'],
    ['2024-01-03T23:59:59.999Z', 'UTC', '2024-01-03T23:59:59.999Z'],
    ['2024-01-03T03:00:00.000Z', 'America/New_York', '2024-01-03T04:59:59.999Z'],
    ['2024-03-10T12:00:00.000Z', 'America/New_York', '2024-03-11T03:59:59.999Z'],
    ['2024-11-03T05:30:00.000Z', 'America/New_York', '2024-11-04T04:59:59.999Z'],
    ['2024-03-31T00:00:00.000Z', 'Europe/Berlin', '2024-03-31T21:59:59.999Z'],
    ['2024-04-06T20:00:00.000Z', 'Australia/Lord_Howe', '2024-04-07T13:29:59.999Z'],
    // The next day begins at 01:00.
    ['2018-11-03T12:00:00.000Z', 'America/Sao_Paulo', '2018-11-04T02:59:59.999Z'],
    // 23:00 to 24:00 comes twice.
    ['2018-02-17T12:00:00.000Z', 'America/Sao_Paulo', '2018-02-18T02:59:59.999Z'],
    // At 00:01 the clocks went back to 23:01 of the day before.
    ['2010-11-06T12:00:00.000Z', 'America/St_Johns', '2010-11-07T03:29:59.999Z'],
    // The day after is skipped whole.
    ['2011-12-29T20:00:00.000Z', 'Pacific/Apia', '2011-12-30T09:59:59.999Z'],
    ['1965-06-01T12:00:00.500Z', 'UTC', '1965-06-01T23:59:59.999Z'],
  ])('of %s in %s is %s', (now, timezone, expected) => {
    expect(endOfDay({ now: at(now), timezone }).toISOString()).toBe(expected);
  });
});

it('holds in every zone, hour by hour over a year: later than now, at the hour asked for', () => {
  const wrong: string[] = [];
  const zones = ['America/New_York', 'Europe/Berlin', 'Australia/Lord_Howe', 'Africa/Casablanca', 'America/Santiago'];
  for (const timezone of zones) {
    const clock = new Intl.DateTimeFormat('en-GB', {
      timeZone: timezone,
      weekday: 'long',
      hour: '2-digit',
      minute: '2-digit',
    });
    // 5 hours and 53 minutes: every hour of the day and minute comes by.
    for (let now = Date.UTC(2024, 0, 1); now < Date.UTC(2025, 0, 1); now += 353 * 60_000) {
      const next = nextWeekday('sunday', { timezone, hour: 9, now: new Date(now) });
      const shown = clock.format(next);
      if (next.getTime() <= now || next.getTime() > now + 7.05 * 86_400_000 || !/^Sunday.*09:00$/.test(shown)) {
        wrong.push(`${timezone} at ${new Date(now).toISOString()}: ${next.toISOString()}, ${shown}`);
      }
    }
  }
  expect(wrong).toEqual([]);
});

it.each([
  [() => nextBusinessDay({ hour: 24 }), /hour: expected a whole number from 0 to 23, got the number 24/],
  [() => nextBusinessDay({ hour: 9.5 }), /hour/],
  [() => nextBusinessDay({ hour: NaN, timezone: 'Mars/Base' }), /hour.*\n.*timezone.*"Mars\/Base"/],
  [() => nextWeekday('mondey' as never), /Did you mean "monday"/],
  [() => nextWeekday(1 as never), /the number 1/],
  [() => endOfDay({ timezone: '' }), /timezone/],
  [() => endOfDay({ now: new Date(NaN) }), /now: expected a valid Date/],
])('bad options are refused (%#)', (call, message) => {
  expect(call).toThrow(InvalidInputError);
  expect(call).toThrow(message);
});
