import { jest } from '@jest/globals';
import { days, endOfDay, hours, minutes, nextBusinessDay, nextWeekday, seconds } from 'nest-durable';

afterEach(() => jest.useRealTimers());

function at(now: string): void {
  jest.useFakeTimers({ now: new Date(now) });
}

describe('durations', () => {
  it('are in ms', () => {
    expect([seconds(2), minutes(3), hours(4), days(5)]).toEqual([2_000, 180_000, 14_400_000, 432_000_000]);
    expect([seconds(0.5), minutes(1.5), days(0)]).toEqual([500, 90_000, 0]);
  });
});

describe('nextBusinessDay', () => {
  // 2025-06-02 is a Monday.
  it.each([
    ['today, if the hour is still to come', '2025-06-02T08:59:59.999Z', '2025-06-02T09:00:00.000Z'],
    ['the next day at the hour itself', '2025-06-02T09:00:00.000Z', '2025-06-03T09:00:00.000Z'],
    ['the next day after it', '2025-06-02T17:00:00.000Z', '2025-06-03T09:00:00.000Z'],
    ['Monday after Friday', '2025-06-06T12:00:00.000Z', '2025-06-09T09:00:00.000Z'],
    ['Monday on Saturday', '2025-06-07T03:00:00.000Z', '2025-06-09T09:00:00.000Z'],
    ['Monday on Sunday', '2025-06-08T23:59:00.000Z', '2025-06-09T09:00:00.000Z'],
    ['over the end of a year', '2024-12-31T10:00:00.000Z', '2025-01-01T09:00:00.000Z'],
  ])('is %s', (_what, now, expected) => {
    at(now);
    expect(nextBusinessDay()).toBeInstanceOf(Date);
    expect(nextBusinessDay().toISOString()).toBe(expected);
    expect(nextBusinessDay({ hour: 9, timezone: 'UTC' }).toISOString()).toBe(expected);
  });

  it('takes another hour', () => {
    at('2025-06-02T09:30:00Z');
    expect(nextBusinessDay({ hour: 10 }).toISOString()).toBe('2025-06-02T10:00:00.000Z');
    expect(nextBusinessDay({ hour: 0 }).toISOString()).toBe('2025-06-03T00:00:00.000Z');
  });

  it('reads day and hour in its timezone', () => {
    // Friday evening in UTC, Saturday in Tokyo.
    at('2025-06-06T20:00:00Z');
    expect(nextBusinessDay({ timezone: 'Asia/Tokyo' }).toISOString()).toBe('2025-06-09T00:00:00.000Z');
    // Monday in UTC, still Sunday in New York.
    at('2025-06-02T02:00:00Z');
    expect(nextBusinessDay({ timezone: 'America/New_York' }).toISOString()).toBe('2025-06-02T13:00:00.000Z');
  });

  it('is right across DST changes', () => {
    // Friday; clocks go forward on Sunday, 2025-03-30.
    at('2025-03-28T12:00:00Z');
    expect(nextBusinessDay({ timezone: 'Europe/Berlin' }).toISOString()).toBe('2025-03-31T07:00:00.000Z');
    // Friday; clocks go back on Sunday, 2025-10-26.
    at('2025-10-24T12:00:00Z');
    expect(nextBusinessDay({ timezone: 'Europe/Berlin' }).toISOString()).toBe('2025-10-27T08:00:00.000Z');
  });
});

describe('nextWeekday', () => {
  it.each([
    ['monday', '2025-06-02T08:00:00Z', '2025-06-02T09:00:00.000Z'],
    ['monday', '2025-06-02T09:00:00Z', '2025-06-09T09:00:00.000Z'],
    ['tuesday', '2025-06-02T09:00:00Z', '2025-06-03T09:00:00.000Z'],
    ['wednesday', '2025-06-02T09:00:00Z', '2025-06-04T09:00:00.000Z'],
    ['thursday', '2025-06-02T09:00:00Z', '2025-06-05T09:00:00.000Z'],
    ['friday', '2025-06-02T09:00:00Z', '2025-06-06T09:00:00.000Z'],
    ['saturday', '2025-06-02T09:00:00Z', '2025-06-07T09:00:00.000Z'],
    ['sunday', '2025-06-02T09:00:00Z', '2025-06-08T09:00:00.000Z'],
  ] as const)('%s', (day, now, expected) => {
    at(now);
    expect(nextWeekday(day).toISOString()).toBe(expected);
  });

  it('takes hour and timezone', () => {
    at('2025-06-02T05:00:00Z');
    expect(nextWeekday('monday', { hour: 17 }).toISOString()).toBe('2025-06-02T17:00:00.000Z');
    expect(nextWeekday('monday', { timezone: 'Europe/Berlin' }).toISOString()).toBe('2025-06-02T07:00:00.000Z');
    expect(nextWeekday('monday', { hour: 6, timezone: 'Europe/Berlin' }).toISOString()).toBe(
      '2025-06-09T04:00:00.000Z',
    );
  });

  it('is right across DST changes', () => {
    at('2025-03-29T12:00:00Z');
    expect(nextWeekday('sunday', { timezone: 'Europe/Berlin' }).toISOString()).toBe('2025-03-30T07:00:00.000Z');
    // 02:00 is skipped that night.
    expect(nextWeekday('sunday', { hour: 2, timezone: 'Europe/Berlin' }).toISOString()).toBe(
      '2025-03-30T01:00:00.000Z',
    );
    at('2025-10-25T12:00:00Z');
    expect(nextWeekday('sunday', { timezone: 'Europe/Berlin' }).toISOString()).toBe('2025-10-26T08:00:00.000Z');
  });
});

describe('endOfDay', () => {
  it.each([
    [undefined, '2025-06-02T00:00:00Z', '2025-06-02T23:59:59.999Z'],
    ['UTC', '2025-06-02T23:59:59Z', '2025-06-02T23:59:59.999Z'],
    ['Europe/Berlin', '2025-06-02T12:00:00Z', '2025-06-02T21:59:59.999Z'],
    ['Europe/Berlin', '2025-06-02T22:30:00Z', '2025-06-03T21:59:59.999Z'],
    ['Europe/Berlin', '2025-03-30T00:30:00Z', '2025-03-30T21:59:59.999Z'],
    ['Europe/Berlin', '2025-10-26T00:30:00Z', '2025-10-26T22:59:59.999Z'],
    ['Asia/Kolkata', '2025-06-02T12:00:00Z', '2025-06-02T18:29:59.999Z'],
  ])('%s at %s', (timezone, now, expected) => {
    at(now);
    expect(endOfDay(timezone === undefined ? {} : { timezone }).toISOString()).toBe(expected);
  });

  it('needs no options', () => {
    at('2025-06-02T00:00:00Z');
    expect(endOfDay().toISOString()).toBe('2025-06-02T23:59:59.999Z');
  });
});
