import { BEGAN } from '../durable.js';
import { type Call, route } from '../http/call.js';
import { anyText } from '../http/input.js';
import { FAILED, grainOf, spread, type Window } from './figures.js';
import { readFilter, type RunFilter } from './filter.js';

const DAY = 86_400_000;
const BUCKETS = 144;

interface Counts {
  readonly started: readonly number[];
  readonly failed: readonly number[];
  /** Null: as many as there are. */
  readonly lookedTo: Date | null;
}

/** From the figures of runs: cheap however many there are, and about right. */
async function counted(
  call: Call,
  { workflow = null }: { workflow?: string | null },
  window: Window,
  now: number,
): Promise<Counts> {
  const grain = grainOf(window, now);
  // The first piece may have begun before.
  const since = new Date(window.since - grain * 60_000 + 1);
  const rows = await call.services.looks.statsCounts({ grain, since, until: new Date(window.until), workflow });
  const failed: ReadonlySet<string> = new Set(FAILED);
  const pieces = (fits: (outcome: string) => boolean): number[] =>
    spread(rows.filter(({ outcome }) => fits(outcome)), window, grain, BUCKETS); // prettier-ignore
  return {
    started: pieces((outcome) => outcome === BEGAN),
    failed: pieces((outcome) => failed.has(outcome)),
    lookedTo: null,
  };
}

/** From the runs themselves, where the filter says more of them than the figures know: as far back as a list would look. */
async function found(call: Call, filter: RunFilter, { since, until }: Window): Promise<Counts> {
  const reads = await call.services.looks.reads();
  return reads.startsOver(filter, { since: new Date(since), until: new Date(until), count: BUCKETS }, FAILED);
}

export const series = route({
  method: 'GET',
  path: 'runs/series',
  action: 'run.read',
  input: (read) => anyText(read, 'q') ?? '',
  async handle(call, q) {
    const now = await call.services.looks.now();
    const filter = readFilter(q, now);
    const until = filter.until?.getTime() ?? now;
    const since = filter.since?.getTime() ?? until - DAY;
    const window = { since, until };
    const { since: _since, until: _until, workflow, match, ...others } = filter;
    const plain = Object.keys(others).length === 0 && Object.keys(match).length === 0;
    const dates = { since: new Date(since), until: new Date(until) };
    if (since >= until) return { ...dates, lookedTo: null, buckets: [] };
    const { started, failed, lookedTo } = plain
      ? await counted(call, workflow === undefined ? {} : { workflow }, window, now)
      : await found(call, filter, window);
    const width = (until - since) / BUCKETS;
    const buckets = started.map((n, at) => ({
      at: new Date(since + at * width),
      started: n,
      failed: failed[at] ?? 0,
    }));
    return { ...dates, lookedTo, buckets };
  },
});
