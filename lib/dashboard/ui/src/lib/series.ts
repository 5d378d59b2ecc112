import type { Series } from './types.js';
import { count } from './words.js';

/** The part of the window, from its beginning, of which nothing is counted: 0 to 1. */
export function uncountedShare({ since, until, lookedTo }: Omit<Series, 'buckets'>): number {
  if (lookedTo === null) return 0;
  const [from, to, at] = [since, until, lookedTo].map((time) => Date.parse(time)) as [number, number, number];
  return to > from ? Math.max(0, Math.min(1, (at - from) / (to - from))) : 0;
}

/** The chart as a sentence, for those who do not see it. @param said the time in words */
export function seriesSentence({ buckets, lookedTo }: Series, said: (at: string) => string): string {
  const sum = (key: 'started' | 'failed'): number => buckets.reduce((all, bucket) => all + bucket[key], 0);
  const since = lookedTo === null ? '' : ` since ${said(lookedTo)}, those before are not counted`;
  return `Starts over time${since}: ${count(sum('started'))}, of which ${count(sum('failed'))} failed.`;
}
