import { Cron } from '../../lib/core/time/cron.js';
import {
  ON_TIME,
  declared,
  dueTimes,
  failed,
  fired,
  newSchedule,
  removed,
  type ScheduleDeclaration,
  type ScheduleSettings,
  type ScheduleState,
  switchedOff,
  switchedOn,
  triggered,
  updated,
} from '../../lib/core/time/schedule.js';
import { DAY } from '../../lib/core/time/zone.js';
import { Random } from '../support/random.js';

const HOUR = 3_600_000;
const now = Date.UTC(2026, 0, 1, 12);
const at = (hour: number): number => Date.UTC(2026, 0, 1, hour);

const settings: ScheduleSettings = {
  cron: '0 * * * *', timezone: 'UTC', input: '{}', queue: null,
  overlap: 'allow', catchUp: 'latest', catchUpWindow: DAY, catchUpLimit: 100,
}; // prettier-ignore

const declare = (changes: Partial<ScheduleSettings> = {}, on = true): ScheduleDeclaration => ({
  name: 'report',
  workflow: 'report',
  enabled: on,
  settings: { ...settings, ...changes },
});

const fresh = (changes: Partial<ScheduleSettings> = {}, on = true): ScheduleState =>
  newSchedule(declare(changes, on), { id: 'a', fromCode: true, now: now - HOUR / 2 });

describe('a schedule', () => {
  it('is due first after it was made; disabled, not at all', () => {
    expect(fresh()).toMatchObject({ enabled: true, nextRunAt: now, lastRunAt: null, overridden: [] });
    expect(fresh({}, false)).toMatchObject({ enabled: false, nextRunAt: null });
  });

  it('follows the code, and its times stay where the code says the same of them', () => {
    const later = now + 5 * HOUR;
    const same = declared(fresh(), declare({ input: '{"n":1}', queue: 'ai', overlap: 'skip' }), later, null);
    expect(same.nextRunAt).toBe(now);
    expect(same.settings).toEqual({ ...settings, input: '{"n":1}', queue: 'ai', overlap: 'skip' });
    expect(declared(fresh(), declare({ cron: '30 * * * *' }), later, null).nextRunAt).toBe(later + HOUR / 2);
    expect(declared(fresh(), declare({ timezone: 'Asia/Kolkata' }), later, null).nextRunAt).toBe(later + HOUR / 2);
    // What the database has of its being switched on stays.
    expect(declared(switchedOff(fresh()), declare(), later, null)).toMatchObject({ enabled: false, nextRunAt: null });
    expect(declared(fresh(), declare({}, false), later, null)).toMatchObject({ enabled: true, nextRunAt: now });
  });

  it('leaves a time that came while somebody was at work to be fired, though the code says others from now on', () => {
    const late = (ms: number, since: number | null = now): number | null =>
      declared(fresh(), declare({ cron: '30 * * * *' }), now + ms, since).nextRunAt;
    expect([late(0), late(ON_TIME)]).toEqual([now, now]);
    // It is missed by now, was missed by all, or has not come.
    expect([late(ON_TIME + 1), late(0, null), late(0, now + 1), late(-1)]).toEqual(Array(4).fill(now + HOUR / 2));
  });

  it('keeps what an update has set until it is reset', () => {
    const set = updated(fresh(), { cron: '@daily', queue: 'ai' }, false, now);
    expect(set).toMatchObject({ overridden: ['cron', 'queue'], nextRunAt: Date.UTC(2026, 0, 2) });
    const booted = declared(set, declare({ cron: '5 * * * *', queue: 'other', input: '{"n":2}' }), now, null);
    expect(booted.settings).toMatchObject({ cron: '@daily', queue: 'ai', input: '{"n":2}' });
    expect(booted.nextRunAt).toBe(set.nextRunAt);
    const reset = updated(booted, {}, true, now);
    expect(reset.settings).toMatchObject({ cron: '5 * * * *', queue: 'other', input: '{"n":2}' });
    expect(reset).toMatchObject({ overridden: [], nextRunAt: now + 5 * 60_000 });
    expect(updated(booted, { queue: null }, true, now)).toMatchObject({
      settings: { cron: '5 * * * *', queue: null },
      overridden: ['queue'],
    });
  });

  it('stops when its decorator is gone, and returns with it', () => {
    const gone = removed(fresh(), now);
    expect(gone).toMatchObject({ removedAt: now, nextRunAt: null, enabled: true });
    expect(removed(gone, now + 1).removedAt).toBe(now);
    expect(switchedOn(switchedOff(gone), now)).toMatchObject({ enabled: true, nextRunAt: null });
    expect(declared(gone, declare(), now + DAY, null)).toMatchObject({ removedAt: null, nextRunAt: now + DAY + HOUR });
    expect(declared(switchedOff(gone), declare(), now + DAY, null)).toMatchObject({ removedAt: null, nextRunAt: null });
  });

  it('is disabled by ten failures in a row, which enabling forgets and a run ends', () => {
    let state = fresh();
    for (let n = 1; n < 10; n++) {
      state = failed(state, `"${n}"`, now + HOUR, now + n);
      expect(state).toMatchObject({
        enabled: true,
        consecutiveFailures: n,
        lastError: `"${n}"`,
        nextRunAt: now + HOUR,
      });
    }
    expect(fired(state, { runs: ['r'], open: [], next: now, now })).toMatchObject({ consecutiveFailures: 0 });
    expect(fired(state, { runs: [], open: [], next: now, now })).toMatchObject({
      consecutiveFailures: 9,
      lastRunAt: null,
    });
    state = failed(state, '"10"', now + HOUR, now + 10);
    expect(state).toMatchObject({ enabled: false, consecutiveFailures: 10, autoDisabledAt: now + 10, nextRunAt: null });
    expect(switchedOn(state, now)).toMatchObject({
      enabled: true, consecutiveFailures: 0, autoDisabledAt: null, lastError: '"10"', nextRunAt: now + HOUR,
    }); // prettier-ignore
    expect(switchedOn(failed(fresh(), '"1"', now, now), now + DAY)).toMatchObject({
      consecutiveFailures: 0,
      nextRunAt: now,
    });
  });

  it('remembers the runs that may be unfinished', () => {
    expect(fired(fresh(), { runs: ['a', 'b'], open: [], next: now, now }).openRuns).toEqual(['b']);
    const skip = fresh({ overlap: 'skip' });
    expect(fired(skip, { runs: ['c'], open: ['a'], next: now, now })).toMatchObject({
      openRuns: ['a', 'c'],
      lastRunAt: now,
    });
    expect(fired(skip, { runs: [], open: ['a'], next: now, now })).toMatchObject({ openRuns: ['a'], lastRunAt: null });
    expect(triggered(skip, 'd', ['a'], now)).toMatchObject({ openRuns: ['a', 'd'], lastRunAt: now });
  });
});

describe('what is due', () => {
  const longAgo = 0;
  const due = (changes: Partial<ScheduleSettings>, next: number, time: number, since = longAgo): number[] => {
    const state = { ...fresh(changes), nextRunAt: next };
    return dueTimes(state, new Cron(state.settings.cron, 'UTC'), time, { since, onTime: 10_000 });
  };

  it.each<[string, Partial<ScheduleSettings>, number, number, number[]]>([
    ['on time', {}, at(12), at(12), [at(12)]],
    ['a little late', {}, at(12), at(12) + 9_000, [at(12)]],
    ['not yet', {}, at(12), at(12) - 1, []],
    ['the latest of several', {}, at(5), at(12) + 60_000, [at(12)]],
    ['all of several', { catchUp: 'all' }, at(9), at(12) + 60_000, [at(9), at(10), at(11), at(12)]],
    ['the last of too many', { catchUp: 'all', catchUpLimit: 2 }, at(1), at(12) + 60_000, [at(11), at(12)]],
    ['none of several', { catchUp: 'none' }, at(9), at(12) + 60_000, []],
    ['none but the one on time', { catchUp: 'none' }, at(9), at(12) + 5_000, [at(12)]],
    ['none too old', { catchUpWindow: HOUR }, at(9), at(12) + 60_000, [at(12)]],
    ['all within the window', { catchUp: 'all', catchUpWindow: 2 * HOUR }, at(5), at(12) + 60_000, [at(11), at(12)]],
    ['the window ends on a time', { catchUp: 'all', catchUpWindow: 2 * HOUR }, at(5), at(12), [at(10), at(11), at(12)]],
    ['nothing within the window', { cron: '@daily', catchUpWindow: HOUR }, at(0), at(12), []],
    ['a stored time that the expression does not name', {}, at(11) + 1000, at(11) + 2000, [at(11) + 1000]],
    ['the latest missed one, and the one on time', {}, at(9), at(12) + 5_000, [at(11), at(12)]],
    ['a window of nothing, on time', { catchUpWindow: 0 }, at(12), at(12) + 5_000, [at(12)]],
  ])('%s', (_what, changes, next, time, expected) => {
    expect(due(changes, next, time)).toEqual(expected);
  });

  it.each<[string, Partial<ScheduleSettings>, number[]]>([
    ["with catchUp: 'none'", { catchUp: 'none' }, [at(12)]],
    ['the latest', {}, [at(12)]],
    ['what came meanwhile was missed', { catchUp: 'none', cron: '* * * * *' }, [at(12)]],
    ['of which the latest', { cron: '* * * * *' }, [at(12), at(12) + 60_000]],
  ])(
    'what was on time when others began to be fired, which took longer than a time may be late: %s',
    (_, changes, expected) => {
      const state = { ...fresh(changes), nextRunAt: at(12) };
      const cron = new Cron(state.settings.cron, 'UTC');
      const time = at(12) + 80_000;
      const onDuty = { since: longAgo, onTime: 10_000, firingSince: at(12) + 1_000 };
      expect(dueTimes(state, cron, time, onDuty)).toEqual(expected);
      const late = { ...onDuty, firingSince: at(12) + 20_000 };
      expect(dueTimes(state, cron, time, late)).toEqual(
        dueTimes(state, cron, time, { since: longAgo, onTime: 10_000 }),
      );
    },
  );

  it('none of what passed before there was a scheduler, however lately', () => {
    expect(due({ catchUp: 'none' }, at(12), at(12) + 3_000, at(12) + 2_000)).toEqual([]);
    expect(due({ catchUp: 'none', cron: '* * * * * *' }, at(12), at(12) + 3_500, at(12) + 2_000)).toEqual([
      at(12) + 3_000,
    ]);
    expect(due({ catchUp: 'latest' }, at(12), at(12) + 3_000, at(12) + 2_000)).toEqual([at(12)]);
  });

  it('a year of seconds costs no more than what is wanted', () => {
    const all = due({ catchUp: 'all', cron: '* * * * * *', catchUpWindow: 400 * DAY, catchUpLimit: 3 }, 0, now);
    // Those that are late by no more than 10 s, and three that were missed.
    expect(all).toEqual(Array.from({ length: 14 }, (_, n) => now - (13 - n) * 1_000));
    expect(due({ cron: '0 0 1 1 *', catchUpWindow: 400 * DAY }, at(0) - 365 * DAY, now)).toEqual([at(0)]);
  });
});

describe('a process that stands still', () => {
  const TOLERANCE = 10_000;
  const SPRING = Date.UTC(2026, 2, 29, 0, 58, 30);
  const AUTUMN = Date.UTC(2026, 9, 25, 0, 29, 30);
  const crons: [cron: string, zone: string, begin: number][] = [
    ['* * * * * *', 'UTC', at(12) + 400],
    ['*/3 * * * * *', 'UTC', at(12)],
    ['*/20 * * * * *', 'Asia/Kolkata', at(12)],
    ['* * * * *', 'Europe/Berlin', at(12) - 1_000],
    // Clocks go from 2:00 to 3:00: what would be due in between is so once, right after.
    ['*/10 30 2 * * *', 'Europe/Berlin', SPRING],
    ['*/5 * 2 * * *', 'Europe/Berlin', SPRING],
    ['* * * * * *', 'Europe/Berlin', SPRING],
    ['30 2 * * *', 'Europe/Berlin', SPRING],
    // Half past two comes twice.
    ['*/10 30 2 * * *', 'Europe/Berlin', AUTUMN],
    ['30 2 * * *', 'Europe/Berlin', AUTUMN],
    ['* * * * * *', 'Europe/Berlin', AUTUMN],
    ['0 0 1 1 *', 'UTC', Date.UTC(2025, 11, 31, 23, 59, 50)],
  ];
  const stalls = [50, 900, 1_000, 3_500, 9_999, 10_000, 10_001, 12_000, 61_000, 95_000, 3_700_000];

  /** The due times after an instant and up to another, found one by one. */
  const between = (cron: Cron, after: number, until: number): number[] => {
    const found: number[] = [];
    for (let time = cron.next(after); time <= until; time = cron.next(time)) found.push(time);
    return found;
  };

  it.each(['none', 'latest', 'all'] as const)(
    'catchUp "%s": each time late by no more than the tolerance has one run, only of missed ones some are left out',
    (catchUp) => {
      let [onTime, missed] = [0, 0];
      for (const [expression, zone, begin] of crons) {
        for (const stall of stalls) {
          const cron = new Cron(expression, zone);
          const state = { ...fresh({ cron: expression, catchUp, catchUpLimit: 4 }), nextRunAt: cron.next(begin) };
          const time = begin + stall;
          const passed = between(cron, begin, time);
          const late = passed.filter((due) => due >= time - TOLERANCE);
          const kept = { none: 0, latest: 1, all: 4 }[catchUp];
          const before = passed.slice(0, passed.length - late.length);
          const expected = [...before.slice(Math.max(0, before.length - kept)), ...late];
          const got = dueTimes(state, cron, time, { since: 0, onTime: TOLERANCE });
          expect({ expression, zone, stall, got }).toEqual({ expression, zone, stall, got: expected });
          onTime += late.length;
          missed += passed.length - late.length;
        }
      }
      expect(onTime).toBeGreaterThan(200);
      expect(missed).toBeGreaterThan(1_000);
    },
  );

  it('again and again: over all looks no time has two runs, and none within the tolerance has none', () => {
    const random = new Random(20_260_101);
    for (const [expression, zone, begin] of crons) {
      const cron = new Cron(expression, zone);
      for (const catchUp of ['none', 'latest', 'all'] as const) {
        let state: ScheduleState = { ...fresh({ cron: expression, catchUp }), nextRunAt: cron.next(begin) };
        const runs: number[] = [];
        const owed: number[] = [];
        let looked = begin;
        for (let look = 0; look < 40; look++) {
          const time = looked + Math.ceil(random.next() ** 4 * 60_000);
          runs.push(...dueTimes(state, cron, time, { since: begin, onTime: TOLERANCE }));
          owed.push(...between(cron, looked, time).filter((due) => due >= time - TOLERANCE));
          if (time >= (state.nextRunAt ?? Infinity)) state = { ...state, nextRunAt: cron.next(time) };
          looked = time;
        }
        expect(new Set(runs).size).toBe(runs.length);
        expect(owed.filter((due) => !runs.includes(due))).toEqual([]);
      }
    }
  });
});
