import { failureOf, isFields, itemsOf, jumped, returned, selected, type Returned, writtenBy } from './behaviour.js';
import type { Act, BranchPlan, DecisionPlan, LoopPlan, NodePlan, ParallelPlan, Plan, StepPlan, Undo } from './plan.js';

/*
 * The reference model: what one round of a planned workflow must do, by a plain recursion over the tree. It knows
 * nothing of cursors, journals or crashes: those must not make a difference. What a failing fan-out leaves open (which
 * of the other arms got how far, and which of two failures came first) is said to be open.
 */

/** An error that the run must show: one of these, where several arms failed. */
export class OneOf {
  constructor(readonly failures: readonly Failure[]) {}
}

export interface Failure {
  readonly message: string;
  readonly name: string;
  /** Allows no further attempt and no further round. */
  readonly final: boolean;
  /** The attempt that failed for good. */
  readonly record: ExpectedRecord;
}

export interface ExpectedRecord {
  readonly path: string;
  readonly kind: NodePlan['kind'];
  readonly name: string;
  /** How often the run had come to this path in the round, this time included. */
  readonly occurrence: number;
  readonly attempt: number;
  readonly status: 'completed' | 'failed';
  /** What the method was called with. */
  readonly data: unknown;
  /** Its second parameter; undefined: not said. */
  readonly second: unknown;
  /** What it returned, where that is said here (not for selectors). */
  readonly output: unknown;
  /** The data as it left it. */
  readonly left: unknown;
  readonly failure: string | null;
  /** False: it failed before its method was called. */
  readonly called: boolean;
  readonly undo: Undo | null;
  /** The records that must be there before it. */
  readonly after: readonly ExpectedRecord[];
  /** False: another arm's failure may have come first. */
  certain: boolean;
}

export interface ExpectedRound {
  readonly records: readonly ExpectedRecord[];
  readonly end:
    { readonly status: 'completed'; readonly data: unknown } | { readonly status: 'failed'; readonly error: OneOf };
  /** Of each of these lists at least one record must be there. */
  readonly atLeastOne: readonly (readonly ExpectedRecord[])[];
}

/** More than a test should take on: the plan is not used. */
export class TooMuch extends Error {}

const MOST_RECORDS = 250;

type Records = readonly ExpectedRecord[];
type End =
  | { readonly kind: 'done'; readonly data: unknown; readonly after: Records }
  | { readonly kind: 'goto'; readonly to: string; readonly data: unknown; readonly after: Records }
  | { readonly kind: 'finish'; readonly data: unknown }
  | { readonly kind: 'failed'; readonly error: OneOf };

interface Sequence {
  readonly nodes: readonly NodePlan[];
  readonly prefix: string;
  /** The second parameter of the members; undefined outside of a loop's own arm. */
  readonly item: unknown;
}

/** Asked for by all who look at the plan, and the same each time. */
const known = new WeakMap<Plan, Map<number, ExpectedRound>>();

/** @throws TooMuch */
export function expectedRound(plan: Plan, round: number): ExpectedRound {
  const rounds = known.get(plan) ?? new Map<number, ExpectedRound>();
  known.set(plan, rounds);
  const expected = rounds.get(round) ?? new Reference(round).run(plan);
  rounds.set(round, expected);
  return expected;
}

class Reference {
  private readonly records: ExpectedRecord[] = [];
  private atLeastOne: ExpectedRecord[][] = [];
  private readonly occurrences = new Map<string, number>();

  constructor(private readonly round: number) {}

  run({ nodes, input }: Plan): ExpectedRound {
    const end = this.sequence({ nodes, prefix: '', item: undefined }, input, []);
    const { records, atLeastOne } = this;
    switch (end.kind) {
      case 'failed':
        return { records, atLeastOne, end: { status: 'failed', error: end.error } };
      case 'goto':
        throw new Error(`The plan jumps to ${end.to}, which is nowhere around`);
      default:
        return { records, atLeastOne, end: { status: 'completed', data: end.data } };
    }
  }

  private sequence(of: Sequence, data: unknown, after: Records): End {
    let at = 0;
    let now = { data, after };
    for (let node = of.nodes[at]; node !== undefined; node = of.nodes[at]) {
      const end = this.node(node, of, now.data, now.after);
      if (end.kind === 'done') {
        at++;
        now = end;
      } else if (end.kind === 'goto') {
        at = of.nodes.findIndex(({ name }) => name === end.to);
        if (at < 0) return end;
        now = end;
      } else {
        return end;
      }
    }
    return { kind: 'done', ...now };
  }

  private node(node: NodePlan, of: Sequence, data: unknown, after: Records): End {
    const path = of.prefix + encoded(node.name);
    switch (node.kind) {
      case 'step':
      case 'decision':
        return this.step(node, path, of.item, data, after);
      case 'branch':
        return this.branch(node, path, of, data, after);
      case 'parallel':
        return this.parallel(node, path, data, after);
      case 'forEach':
        return this.loop(node, path, of.item, data, after);
    }
  }

  private step(node: StepPlan | DecisionPlan, path: string, item: unknown, data: unknown, after: Records): End {
    const result =
      (node.kind === 'decision' ? jumped(node.name, node.jump, data) : null) ?? returned(node.name, node.act, data);
    return this.attempts(node, path, data, item, after, result, node.undo);
  }

  /** All attempts of a member that gives `result` once it does not throw. */
  private attempts(
    node: NodePlan,
    path: string,
    data: unknown,
    second: unknown,
    before: Records,
    result: Returned,
    undo: Undo | null,
  ): End {
    const occurrence = this.occurrence(path);
    const common = { path, kind: node.kind, name: node.name, occurrence, data, second, undo, certain: true };
    if (node.kind === 'decision' && occurrence > node.maxVisits) {
      const failure = 'was to be visited more than';
      const none = { attempt: 1, after: before, output: undefined, left: data, failure, called: false };
      const record: ExpectedRecord = { ...common, ...none, status: 'failed' };
      this.add(record);
      return failed(failure, { ...node.act, fatal: true }, record);
    }
    const left = leftBy(result, data);
    let after = before;
    for (let attempt = 1; ; attempt++) {
      const message = failureOf(node.name, node.act, attempt, this.round);
      const record: ExpectedRecord = {
        ...common,
        attempt,
        after,
        status: message === null ? 'completed' : 'failed',
        output: message === null && result.kind !== 'nothing' ? left : undefined,
        left: message === null ? left : data,
        failure: message,
        called: true,
      };
      this.add(record);
      after = [record];
      if (message === null) {
        switch (result.kind) {
          case 'goto':
            return { kind: 'goto', to: result.to, data: left, after };
          case 'finish':
            return { kind: 'finish', data: left };
          default:
            return { kind: 'done', data: left, after };
        }
      }
      if (node.act.fatal || attempt >= node.act.maxAttempts) return failed(message, node.act, record);
    }
  }

  private branch(node: BranchPlan, path: string, of: Sequence, data: unknown, before: Records): End {
    const value = selected(node, data);
    const arm = armOf(node, String(value));
    if (arm === null) return this.noArm(node, path, of.item, data, before, value);
    const chosen = this.attempts(node, path, data, of.item, before, { kind: 'nothing' }, null);
    if (chosen.kind !== 'done') return chosen;
    const prefix = `${path}.${encoded(arm)}/`;
    return this.sequence({ nodes: node.arms[arm] ?? [], prefix, item: of.item }, writtenBy(node, data), chosen.after);
  }

  /** The selector returns in the end, and what it returns fails the run at once. */
  private noArm(node: BranchPlan, path: string, item: unknown, data: unknown, before: Records, value: unknown): End {
    const end = this.attempts(node, path, data, item, before, { kind: 'nothing' }, null);
    const last = end.kind === 'done' ? this.records.pop() : undefined;
    if (last === undefined) return end;
    const record: ExpectedRecord = { ...last, status: 'failed', failure: noArmMessage(value) };
    this.records.push(record);
    return failed(noArmMessage(value), { ...node.act, fatal: true }, record);
  }

  private parallel(node: ParallelPlan, path: string, data: unknown, before: Records): End {
    const ends = Object.entries(node.arms).map(([key, nodes]): Arm => {
      const from = this.records.length;
      const end = this.sequence({ nodes, prefix: `${path}.${encoded(key)}/`, item: undefined }, data, before);
      return { key, end, records: this.records.slice(from) };
    });
    const settled = this.settle(ends, node.onError);
    if (settled.kind === 'failed') return settled;
    const results = Object.fromEntries(settled.results);
    const fields = isFields(data) ? data : {};
    const given = jumped(node.name, node.jump, data) ?? returned(node.name, node.act, data);
    const result: Returned =
      given.kind === 'nothing' ? { kind: 'data', data: { ...fields, __results__: results } } : given;
    return this.attempts(node, path, data, results, settled.after.length > 0 ? settled.after : before, result, null);
  }

  private loop(node: LoopPlan, path: string, item: unknown, data: unknown, before: Records): End {
    const selector = this.attempts(node, path, data, item, before, { kind: 'nothing' }, null);
    if (selector.kind !== 'done') return selector;
    const written = writtenBy(node, data);
    const ends = itemsOf(node, data).map((value, index): Arm => {
      const from = this.records.length;
      const of = { nodes: node.arm, prefix: `${path}[${index}]/`, item: { index, data: written } };
      return { key: String(index), end: this.sequence(of, value, selector.after), records: this.records.slice(from) };
    });
    const settled = this.settle(ends, node.onError);
    if (settled.kind === 'failed') return settled;
    const after = settled.after.length > 0 ? settled.after : selector.after;
    if (node.results === 'none') return { kind: 'done', data: written, after };
    const results = settled.results.map(([, result]) => result);
    return { kind: 'done', data: { ...(isFields(written) ? written : {}), __results__: results }, after };
  }

  private settle(arms: readonly Arm[], onError: 'failFast' | 'completeAll'): Settled {
    const failures = arms.flatMap(({ end }) => (end.kind === 'failed' ? [end.error] : []));
    if (failures.length > 0 && onError === 'failFast') {
      for (const { end, records } of arms) {
        // One that fails alone is stopped by nobody.
        if (end.kind === 'failed' && failures.length === 1) continue;
        for (const record of records) record.certain = false;
        // Then a fan-out inside may not have come to fail either.
        const open = new Set(records);
        this.atLeastOne = this.atLeastOne.filter((some) => !some.every((record) => open.has(record)));
      }
      const all = failures.flatMap((error) => error.failures);
      if (failures.length > 1) this.atLeastOne.push(all.map(({ record }) => record));
      return { kind: 'failed', error: new OneOf(all) };
    }
    const after: ExpectedRecord[] = [];
    const results = arms.map(({ key, end }): [string, unknown] => {
      switch (end.kind) {
        case 'done':
          after.push(...end.after);
          return [key, { status: 'fulfilled', value: end.data }];
        case 'failed':
          after.push(...end.error.failures.filter((_, __, all) => all.length === 1).map(({ record }) => record));
          return [key, { status: 'rejected', reason: end.error }];
        default:
          throw new Error(`An arm of the plan ends with ${end.kind}`);
      }
    });
    return { kind: 'settled', results, after };
  }

  private occurrence(path: string): number {
    const occurrence = (this.occurrences.get(path) ?? 0) + 1;
    this.occurrences.set(path, occurrence);
    return occurrence;
  }

  private add(record: ExpectedRecord): void {
    if (this.records.length >= MOST_RECORDS) throw new TooMuch();
    this.records.push(record);
  }
}

interface Arm {
  readonly key: string;
  readonly end: End;
  readonly records: readonly ExpectedRecord[];
}

type Settled =
  | { readonly kind: 'failed'; readonly error: OneOf }
  | { readonly kind: 'settled'; readonly results: readonly [string, unknown][]; readonly after: Records };

function leftBy(result: Returned, data: unknown): unknown {
  switch (result.kind) {
    case 'nothing':
      return data;
    case 'data':
      return result.data;
    default:
      return result.data ?? data;
  }
}

function failed(message: string, act: Act, record: ExpectedRecord): End {
  const name = act.fatal ? 'FatalError' : 'Error';
  return { kind: 'failed', error: new OneOf([{ message, name, final: act.fatal, record }]) };
}

function armOf(node: BranchPlan, key: string): string | null {
  if (Object.hasOwn(node.arms, key)) return key;
  return Object.hasOwn(node.arms, 'default') ? 'default' : null;
}

/** What a message about a value without an arm must hold. */
export function noArmMessage(value: unknown): string {
  return `"${String(value)}", and has no arm for it`;
}

/** Names in paths, as API.md and the journal have them. */
function encoded(name: string): string {
  return name.replace(/[%./[\]~]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}
