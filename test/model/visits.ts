import type { ExpectedRecord } from './reference.js';

interface Visited {
  readonly path: string;
  readonly visit: number;
}

/** The how-manieth coming to its path (in the model's count) a visit is; 0: that cannot be told. */
export type OccurrenceOf = (one: Visited) => number;

/**
 * Finds out which visit is which. What the numbers are is the engine's own business as long as they grow: an arm that
 * is entered again may leave some out. So it is the rank that counts. But where a failing fan-out left open whether a
 * place was come to at all, and the fan-out is entered again later, ranks shift: there the records that surely came
 * in between (the jump back, at the least) tell the passes apart.
 */
export function occurrencesOf(expected: readonly ExpectedRecord[], records: readonly Visited[]): OccurrenceOf {
  const known = new Map<string, Map<number, number>>();
  const ranked = ranks(records);
  const open = openPaths(expected);
  for (const [path, visits] of ranked) {
    if (!open.has(path)) known.set(path, new Map(visits.map((visit, index) => [visit, index + 1])));
  }
  if (open.size > 0) {
    const places = new Map<string, number>();
    records.forEach(({ path, visit }, place) => {
      const occurrence = known.get(path)?.get(visit);
      if (occurrence !== undefined) places.set(`${path} ${occurrence}`, place);
    });
    const least = lowerBounds(expected, places);
    for (const path of open) known.set(path, byPasses(path, expected, records, least));
  }
  return ({ path, visit }) => known.get(path)?.get(visit) ?? 0;
}

function ranks(all: readonly Visited[]): Map<string, number[]> {
  const visits = new Map<string, Set<number>>();
  for (const { path, visit } of all) visits.set(path, (visits.get(path) ?? new Set()).add(visit));
  return new Map([...visits].map(([path, set]) => [path, [...set].sort((a, b) => a - b)]));
}

/** Paths that are come to several times, and not for certain each time. */
function openPaths(expected: readonly ExpectedRecord[]): Set<string> {
  const again = new Set(expected.filter(({ occurrence }) => occurrence > 1).map(({ path }) => path));
  return new Set(expected.filter(({ path, certain }) => !certain && again.has(path)).map(({ path }) => path));
}

/**
 * For each expected record a place that it surely comes behind, -1 for none: that of the last record before it, where
 * the places of all those before it are known. With some unknown the others say nothing: they may stand in an arm beside.
 */
function lowerBounds(
  expected: readonly ExpectedRecord[],
  places: ReadonlyMap<string, number>,
): Map<ExpectedRecord, number> {
  const least = new Map<ExpectedRecord, number>();
  // What comes before a record stands before it in the list.
  for (const record of expected) {
    const known = record.after.map((one) => places.get(`${one.path} ${one.occurrence}`));
    const bounds = record.after.map((one, index) => known[index] ?? least.get(one) ?? -1);
    const all = known.every((place) => place !== undefined);
    least.set(record, bounds.length === 0 ? -1 : all ? Math.max(...bounds) : Math.min(...bounds));
  }
  return least;
}

function byPasses(
  path: string,
  expected: readonly ExpectedRecord[],
  records: readonly Visited[],
  least: ReadonlyMap<ExpectedRecord, number>,
): Map<number, number> {
  const first = new Map<number, number>();
  records.forEach((record, place) => {
    if (record.path === path && !first.has(record.visit)) first.set(record.visit, place);
  });
  const occurrences = expected
    .filter((record) => record.path === path && record.attempt === 1)
    .map((record) => ({ occurrence: record.occurrence, least: least.get(record) ?? -1 }));
  const found = new Map<number, number>();
  const used = new Set<number>();
  for (const [visit, place] of [...first].sort(([a], [b]) => a - b)) {
    const pass = Math.max(...occurrences.filter((one) => one.least < place).map((one) => one.least));
    const next = occurrences.find((one) => one.least === pass && !used.has(one.occurrence));
    if (next === undefined) continue;
    used.add(next.occurrence);
    found.set(visit, next.occurrence);
  }
  return found;
}
