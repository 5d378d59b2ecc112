import { Cron } from '../../lib/core/cron.js';
import {
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
} from '../../lib/core/schedule.js';
import { DAY } from '../../lib/core/zone.js';

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
    const same = declared(fresh(), declare({ input: '{"n":1}', queue: 'ai', overlap: 'skip' }), later);
    expect(same.nextRunAt).toBe(now);
    expect(same.settings).toEqual({ ...settings, input: '{"n":1}', queue: 'ai', overlap: 'skip' });
    expect(declared(fresh(), declare({ cron: '30 * * * *' }), later).nextRunAt).toBe(later + HOUR / 2);
    expect(declared(fresh(), declare({ timezone: 'Asia/Kolkata' }), later).nextRunAt).toBe(later + HOUR / 2);
    // What the database has of its being switched on stays.
    expect(declared(switchedOff(fresh()), declare(), later)).toMatchObject({ enabled: false, nextRunAt: null });
    expect(declared(fresh(), declare({}, false), later)).toMatchObject({ enabled: true, nextRunAt: now });
  });

  it('keeps what an update has set until it is reset', () => {
    const set = updated(fresh(), { cron: '@daily', queue: 'ai' }, false, now);
    expect(set).toMatchObject({ overridden: ['cron', 'queue'], nextRunAt: Date.UTC(2026, 0, 2) });
    const booted = declared(set, declare({ cron: '5 * * * *', queue: 'other', input: '{"n":2}' }), now);
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
    expect(declared(gone, declare(), now + DAY)).toMatchObject({ removedAt: null, nextRunAt: now + DAY + HOUR });
    expect(declared(switchedOff(gone), declare(), now + DAY)).toMatchObject({ removedAt: null, nextRunAt: null });
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
    ['a window of nothing, on time', { catchUpWindow: 0 }, at(12), at(12) + 5_000, [at(12)]],
  ])('%s', (_what, changes, next, time, expected) => {
    expect(due(changes, next, time)).toEqual(expected);
  });

  it('none of what passed before there was a scheduler, however lately', () => {
    expect(due({ catchUp: 'none' }, at(12), at(12) + 3_000, at(12) + 2_000)).toEqual([]);
    expect(due({ catchUp: 'none', cron: '* * * * * *' }, at(12), at(12) + 3_500, at(12) + 2_000)).toEqual([
      at(12) + 3_000,
    ]);
    expect(due({ catchUp: 'latest' }, at(12), at(12) + 3_000, at(12) + 2_000)).toEqual([at(12)]);
  });

  it('a year of seconds costs no more than what is wanted', () => {
    const all = due({ catchUp: 'all', cron: '* * * * * *', catchUpWindow: 400 * DAY, catchUpLimit: 3 }, 0, now);
    expect(all).toEqual([now - 2_000, now - 1_000, now]);
    expect(due({ cron: '0 0 1 1 *', catchUpWindow: 400 * DAY }, at(0) - 365 * DAY, now)).toEqual([at(0)]);
  });
});
