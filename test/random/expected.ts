import {
  ANSWERS,
  type Act,
  FAR,
  fateOf,
  isDoom,
  type Limit,
  type NodePlan,
  payloadOf,
  type Plan,
  type StepPlan,
  type WaitAct,
} from './plan.js';

/*
 * What must come of a plan, by a plain recursion over it. It knows nothing of crashes, passes, rounds and visits: those
 * must not make a difference.
 */

/** One of these. */
export class AnyOf {
  constructor(readonly values: readonly unknown[]) {}
}

/** Whatever it is. */
export const ANYTHING = Symbol('anything');

export type Expected =
  { readonly end: 'completed'; readonly data: Readonly<Record<string, unknown>> } | { readonly end: 'failed' };

type Data = Readonly<Record<string, unknown>>;

/** What a step finds when a wait has come to its limit, or a child to a bad end. */
export const TIMED_OUT = 'timed out';
export const NO_VALUE = 'no value';
export const WAIT_CANCELLED = 'wait cancelled';
export const CHILD_FAILED = 'child failed';

const known = new WeakMap<Plan, Expected>();

export function expectedOf(plan: Plan, plans: readonly Plan[]): Expected {
  const before = known.get(plan);
  if (before !== undefined) return before;
  const data = sequence(plan.nodes, { key: ANYTHING }, { plans, cancelled: plan.waitsCancelled });
  const expected: Expected = data === null ? { end: 'failed' } : { end: 'completed', data };
  known.set(plan, expected);
  return expected;
}

interface Of {
  readonly plans: readonly Plan[];
  /** Waits may be cancelled. */
  readonly cancelled: boolean;
}

/** Null: it fails. */
function sequence(nodes: readonly NodePlan[], before: Data, of: Of): Data | null {
  let data: Data | null = before;
  for (const node of nodes) {
    if (data === null) return null;
    data = after(node, data, of);
  }
  return data;
}

function after(node: NodePlan, data: Data, of: Of): Data | null {
  switch (node.kind) {
    case 'step':
    case 'decision':
      return afterStep(node, data, of);
    case 'branch':
      return sequence(node.arms[node.pick] ?? [], data, of);
    case 'parallel': {
      const arms = Object.entries(node.arms).map(([key, arm]) => [key, sequence(arm, data, of), arm] as const);
      if (node.onError === 'failFast' && arms.some(([, end]) => end === null)) return null;
      const ends = Object.fromEntries(arms.map(([key, end, arm]) => [key, lastOf(arm, end)]));
      return { ...data, [node.name]: { ...ends, values: node.acts.map((act) => valueOf(act, of)) } };
    }
    case 'forEach': {
      const ends = Array.from({ length: node.count }, (_, n) => sequence(node.arm, { at: `${at(data)}.${n}` }, of));
      if (node.onError === 'failFast' && ends.includes(null)) return null;
      if (node.results === 'none') return data;
      const results = ends.map((end) =>
        end === null ? { status: 'rejected', reason: ANYTHING } : { status: 'fulfilled', value: end },
      );
      return { ...data, __results__: results };
    }
  }
}

/** Where in loops the data belongs to. */
export function at(data: Data): string {
  return typeof data['at'] === 'string' ? data['at'] : '';
}

/** What a collector keeps of an arm: all of it would double the data with each fan-out. Null: the arm failed. */
export function lastOf(arm: readonly NodePlan[], end: Data | null): unknown {
  const last = arm.at(-1);
  return end === null || last === undefined ? 'rejected' : (end[last.name] ?? null);
}

function afterStep(node: StepPlan, data: Data, of: Of): Data | null {
  if (node.acts.some(isDoom)) return null;
  const counted = node.jump === null ? data : { ...data, [`$${node.name}`]: node.jump.times };
  if (node.returns === 'nothing') return counted;
  return { ...counted, [node.name]: node.acts.map((act) => valueOf(act, of)) };
}

function valueOf(act: Act, of: Of): unknown {
  switch (act.do) {
    case 'race':
      return new AnyOf(act.acts.map((one) => valueOf(one, of)));
    case 'both':
      return act.acts.map((one) => valueOf(one, of));
    case 'sleep':
    case 'event':
    case 'any':
    case 'all':
    case 'input':
    case 'child':
      return of.cancelled ? new AnyOf([waited(act, of), WAIT_CANCELLED]) : waited(act, of);
    default:
      return act.do;
  }
}

function waited(act: WaitAct, of: Of): unknown {
  switch (act.do) {
    case 'sleep':
      return 'slept';
    case 'event':
      return within(act.limit, outcomes([act.name], payloadOf(act.name)));
    case 'any':
      return within(
        act.limit,
        act.names.flatMap((name) => outcomes([name], [name, payloadOf(name)])),
      );
    case 'all':
      return within(
        act.limit,
        outcomes(act.names, Object.fromEntries(act.names.map((name) => [name, payloadOf(name)]))),
      );
    case 'input':
      return within(act.limit, outcomes([act.name], ANSWERS[act.asks]));
    case 'child': {
      const value = childValue(of.plans[act.plan], of.plans);
      return act.limit === null ? value : new AnyOf([value, atLimit(act.limit)]);
    }
  }
}

/** The value, where it may come. */
function outcomes(names: readonly string[], value: unknown): unknown[] {
  return names.some((name) => fateOf(name) === 'never') ? [] : [value];
}

function within(limit: Limit | null, values: readonly unknown[]): unknown {
  const all = limit === null || limit.ms >= FAR ? values : [...values, atLimit(limit)];
  return all.length === 1 ? all[0] : new AnyOf(all);
}

function atLimit({ ends }: Limit): string {
  return ends === 'value' ? NO_VALUE : TIMED_OUT;
}

function childValue(plan: Plan | undefined, plans: readonly Plan[]): unknown {
  if (plan === undefined) throw new Error('There is no such plan');
  const expected = expectedOf(plan, plans);
  if (expected.end === 'failed') return CHILD_FAILED;
  const open = plan.cancelled || plan.timeout !== null;
  return open ? new AnyOf([expected.data, CHILD_FAILED]) : expected.data;
}

/** What differs, and where; null: nothing does. */
export function differenceOf(expected: unknown, actual: unknown, path = ''): string | null {
  if (expected === ANYTHING || Object.is(expected, actual)) return null;
  if (expected instanceof AnyOf) {
    if (expected.values.some((one) => differenceOf(one, actual) === null)) return null;
    return `${path}: ${show(actual)} is none of ${show(expected.values)}`;
  }
  if (!isObject(expected) || !isObject(actual) || Array.isArray(expected) !== Array.isArray(actual)) {
    return `${path}: ${show(actual)}, expected ${show(expected)}`;
  }
  for (const key of new Set([...Object.keys(expected), ...Object.keys(actual)])) {
    const found = differenceOf(expected[key], actual[key], `${path}.${key}`);
    if (found !== null) return found;
  }
  return null;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function show(value: unknown): string {
  const text = JSON.stringify(value, (_, inner: unknown) => (inner instanceof AnyOf ? { anyOf: inner.values } : inner));
  return text === undefined ? String(value) : text.slice(0, 300);
}
