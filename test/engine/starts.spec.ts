import { newRun } from '../../lib/core/run/new-run.js';
import { Starts } from '../../lib/engine/starts.js';
import type { JournalWriter } from '../../lib/engine/journal/journal-writer.js';
import { DatabaseClock } from '../../lib/engine/time/clock.js';

const told: string[] = [];
const starts = new Starts({
  // It was not claimed by the way.
  writer: { start: async () => false } as unknown as JournalWriter,
  clock: new DatabaseClock(),
  onWork: () => told.push('work'),
  onLater: () => told.push('later'),
});

beforeEach(() => {
  told.length = 0;
});

it.each([
  ['now', {}, ['work']],
  ['after a while', { delayMs: 1 }, ['later']],
  ['at a time that has come', { inMs: -5 }, ['later', 'work']],
  ['at a time that has come by the clock of the database, which is ahead', { inMs: 5 }, ['later', 'work']],
  ['at a time that comes', { inMs: 60_000 }, ['later']],
] as const)(
  'a run that is to begin %s is told of to whom it may concern',
  async (_when, { delayMs = 0, inMs = null }: { delayMs?: number; inMs?: number | null }, who) => {
    // prettier-ignore
    const scheduledAt = inMs === null ? null : new Date(Date.now() + inMs).toISOString();
    await starts.start(newRun({ workflow: 'order', definitionId: 1, queue: 'default', priority: 0, input: '{}', delayMs, scheduledAt })); // prettier-ignore
    expect(told).toEqual(who);
  },
);
