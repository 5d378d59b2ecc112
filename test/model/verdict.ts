import { difference, isStoredErrorOf, show } from './match.js';
import type { Plan } from './plan.js';
import { expectedRound, type ExpectedRecord, type ExpectedRound } from './reference.js';
import { occurrencesOf } from './visits.js';
import { RollbackVerdict } from './rollback-verdict.js';

/** A record as the client shows it, in the order of the journal. */
export interface ObservedRecord {
  readonly path: string;
  readonly type: string;
  readonly round: number;
  readonly visit: number;
  readonly attempt: number;
  readonly status: string;
  readonly input: unknown;
  readonly output: unknown;
  readonly error: { readonly message: string } | null;
  readonly isCompensation: boolean;
}

/** A method that began. Where it stands in the tree is not known to it: a loop's items share their methods. */
export interface ObservedCall {
  readonly member: string;
  readonly round: number;
  readonly attempt: number;
  readonly args: readonly unknown[];
}

/** The note that a step may have begun (`compensateWhen: 'started'`), which clients are not shown. */
export interface ObservedIntent {
  readonly path: string;
  readonly round: number;
  readonly visit: number;
}

export interface ObservedRun {
  readonly status: string;
  readonly data: unknown;
  readonly error: { readonly message: string } | null;
  readonly round: number;
  readonly records: readonly ObservedRecord[];
  readonly intents: readonly ObservedIntent[];
  readonly calls: readonly ObservedCall[];
}

/** Everything that a run did and must not have done, or the other way round. `killed`: methods may have run twice. */
export function faultsOf(plan: Plan, run: ObservedRun, killed: boolean): string[] {
  return new Verdict(plan, run, killed).faults();
}

class Verdict {
  private readonly found: string[] = [];

  constructor(
    private readonly plan: Plan,
    private readonly run: ObservedRun,
    private readonly killed: boolean,
  ) {}

  faults(): string[] {
    const { plan, run, found } = this;
    let round = 1;
    for (; ; round++) {
      const expected = expectedRound(plan, round);
      const matched = this.records(expected, round);
      if (expected.end.status === 'completed') {
        if (run.status !== 'completed') found.push(`it is ${run.status}, expected completed`);
        this.differ('its data', expected.end.data, run.data);
        break;
      }
      const rollback = new RollbackVerdict(plan, run, round, matched, expected.records, found);
      rollback.check();
      // Of several failures it is open which was the first; then it is taken as it was.
      const finals = new Set(expected.end.error.failures.map((failure) => failure.final));
      const final = finals.size > 1 ? run.round <= round : finals.has(true);
      if (!final && !rollback.broken && round <= plan.maxRetries) continue;
      if (run.status !== rollback.status) found.push(`it is ${run.status}, expected ${rollback.status}`);
      if (!isStoredErrorOf(expected.end.error, run.error)) {
        found.push(`its error is ${show(run.error)}, expected one of ${show(expected.end.error)}`);
      }
      break;
    }
    if (run.round !== round) found.push(`it is in round ${run.round}, expected ${round}`);
    for (const record of run.records)
      if (record.round > round) found.push(`there is a record of round ${record.round}`);
    return found;
  }

  /** Compares the records of a round; gives which one is which. */
  private records(expected: ExpectedRound, round: number): Map<ObservedRecord, ExpectedRecord> {
    const own = this.run.records.filter((record) => record.round === round && !record.isCompensation);
    const visits = occurrencesOf(expected.records, own);
    const observed = new Map<string, { record: ObservedRecord; place: number }>();
    own.forEach((record, place) => {
      const key = `${record.path} #${visits(record)} attempt ${record.attempt}`;
      if (observed.has(key)) this.found.push(`${key} is recorded twice`);
      observed.set(key, { record, place });
    });
    const matched = new Map<ObservedRecord, ExpectedRecord>();
    const keys = new Set<string>();
    for (const one of expected.records) {
      const key = keyOf(one);
      keys.add(key);
      const there = observed.get(key);
      if (there === undefined) {
        if (one.certain) this.found.push(`${key} is not recorded`);
        continue;
      }
      matched.set(there.record, one);
      this.record(key, one, there.record);
      for (const before of one.after) {
        const place = observed.get(keyOf(before))?.place ?? Number.POSITIVE_INFINITY;
        if (place > there.place) this.found.push(`${key} is recorded before ${keyOf(before)}`);
      }
    }
    for (const key of observed.keys()) if (!keys.has(key)) this.found.push(`${key} is recorded, and must not have run`);
    for (const some of expected.atLeastOne) {
      if (!some.some((one) => observed.has(keyOf(one)))) {
        this.found.push(`none of these is recorded: ${some.map(keyOf).join(', ')}`);
      }
    }
    this.calls(expected, round);
    this.mainVisits(own);
    return matched;
  }

  private record(key: string, expected: ExpectedRecord, actual: ObservedRecord): void {
    if (actual.type !== expected.kind) this.found.push(`${key} has the type ${actual.type}`);
    if (actual.status !== expected.status) this.found.push(`${key} is ${actual.status}, expected ${expected.status}`);
    if (expected.failure !== null && !(actual.error?.message ?? '').includes(expected.failure)) {
      this.found.push(`${key} failed with ${show(actual.error)}, expected ${expected.failure}`);
    }
    this.differ(`${key}: its input`, expected.data, actual.input);
    if (expected.status === 'completed' && (expected.kind === 'step' || expected.kind === 'decision')) {
      this.differ(`${key}: its output`, expected.output ?? null, actual.output ?? null);
    }
  }

  /** How often methods ran, and with what: once for each record where nothing was killed, and only where they should. */
  private calls(expected: ExpectedRound, round: number): void {
    const undos = new Set(this.plan.undos.map(({ name }) => name));
    const calls = grouped(
      this.run.calls.filter((call) => call.round === round && !undos.has(call.member)),
      ({ member, attempt }) => `${member} attempt ${attempt} in round ${round}`,
    );
    const wanted = grouped(
      expected.records.filter(({ called }) => called),
      ({ name, attempt }) => `${name} attempt ${attempt} in round ${round}`,
    );
    for (const [key, records] of wanted) {
      const made = calls.get(key) ?? [];
      const least = records.filter((record) => record.certain).length;
      const most = this.killed ? Number.POSITIVE_INFINITY : records.length;
      if (made.length < least || made.length > most) {
        this.found.push(`${key} was called ${made.length} times, expected ${least} to ${most}`);
      }
      for (const { args } of made) {
        const fits = records.some(
          ({ data, second }) =>
            difference(data, args[0]) === null && (second === undefined || difference(second, args[1]) === null),
        );
        if (!fits) this.found.push(`${key}: its arguments are ${show(args)}`);
      }
    }
    for (const key of calls.keys()) if (!wanted.has(key)) this.found.push(`${key} was called, and must not have been`);
  }

  /** In the main sequence visits are counted without a gap. */
  private mainVisits(own: readonly ObservedRecord[]): void {
    const main = new Set(this.plan.nodes.map(({ name }) => name));
    const seen = new Map<string, Set<number>>();
    for (const { path, visit } of own) {
      if (main.has(path)) seen.set(path, (seen.get(path) ?? new Set()).add(visit));
    }
    for (const [path, visits] of seen) {
      if (Math.max(...visits) !== visits.size) this.found.push(`${path} has the visits ${[...visits].join(', ')}`);
    }
  }

  private differ(what: string, expected: unknown, actual: unknown): void {
    const found = difference(expected, actual);
    if (found !== null) this.found.push(`${what}: ${found()}`);
  }
}

function grouped<T>(items: readonly T[], keyOfItem: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = keyOfItem(item);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return groups;
}

function keyOf({ path, occurrence, attempt }: ExpectedRecord): string {
  return `${path} #${occurrence} attempt ${attempt}`;
}
