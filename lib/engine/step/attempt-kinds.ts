import { decode, encode, isPlainData } from '../../core/codec/codec.js';
import type { RetryPolicy, Sequence, WorkflowDefinition, WorkflowNode } from '../../core/definition/definition.js';
import { describe } from '../../core/describe.js';
import { DefinitionError, FatalError, InvalidStepResultError } from '../../core/errors/errors.js';
import { gotoTarget, isFinish, isGoto } from '../../core/definition/jumps.js';
import type { RecordFacts } from '../../core/run/machine.js';
import type { ItemContext } from '../../core/run/results.js';
import type { Place } from '../../core/run/survey.js';
import type { Advice } from './advice.js';
import type { AttemptSpec, Settled } from './attempt.js';
import { settledResults } from './fan-results.js';
import type { RunValues } from './run-values.js';
import type { StepScope } from './scope.js';

/** Arms whose branch's value nothing else fits. */
const DEFAULT_ARM = 'default';

/** The method that an attempt at a place calls, by the kind of its member. Everything it needs must be loaded. */
export class PlaceSpec implements AttemptSpec {
  /** The data that the method was called with. */
  private got: unknown;

  constructor(
    private readonly place: Place,
    private readonly values: RunValues,
    private readonly definition: WorkflowDefinition,
    private readonly advice: Advice,
  ) {}

  get name(): string {
    return this.place.node.name;
  }

  get member(): string {
    return this.place.node.member;
  }

  get timeout(): number | null {
    return this.place.node.settings.timeout;
  }

  get retry(): RetryPolicy {
    return this.place.node.settings.retry;
  }

  args(): unknown[] {
    const args = argsOf(this.place, this.values);
    this.got = args[0];
    return args;
  }

  settle(returned: unknown, scope: StepScope): Settled {
    const { place, values, definition } = this;
    const settling = { place, values, definition, scope };
    const settled = settle(settling, returned);
    if (returned === undefined || scope.hasUnawaited) advise(this.advice, settling, returned, this.got);
    return settled;
  }
}

function advise(advice: Advice, { place, values, definition, scope }: Settling, returned: unknown, got: unknown): void {
  const step = { workflow: definition.name, step: place.node.name };
  if (returned === undefined) advice.returnedNothing(step, got, values.get(place.data));
  if (!scope.hasUnawaited) return;
  advice.notAwaited(
    step,
    [...scope.unawaited].map(({ call }) => call),
  );
}

function argsOf(place: Place, values: RunValues): unknown[] {
  const { item, own, node } = place;
  const data = decode(values.get(place.data));
  if (node.kind === 'parallel') return [data, own === null ? {} : settledResults(own, values)];
  return item === null ? [data] : [data, itemOfLoop(item.index, values.get(item.data))];
}

/** A step of a long loop that does not look at the loop's own data must not pay for a copy of it. */
function itemOfLoop(index: number, text: string): ItemContext {
  let copy: { readonly value: unknown } | undefined;
  return {
    index,
    get data() {
      return (copy ??= { value: decode(text) }).value;
    },
  };
}

interface Settling {
  readonly place: Place;
  readonly values: RunValues;
  readonly definition: WorkflowDefinition;
  readonly scope: StepScope;
}

function settle(settling: Settling, returned: unknown): Settled {
  const { place, values, scope } = settling;
  const { node } = place;
  switch (node.kind) {
    case 'branch':
      return chooseArm(node, returned, scope);
    case 'forEach':
      return items(node, returned, scope);
    case 'parallel': {
      if (returned !== undefined || place.own === null) return next(settling, returned);
      const written = scope.resolve(undefined) ?? decode(values.get(place.data));
      return { output: encodeData(withResults(written, settledResults(place.own, values)), node, scope), facts: null };
    }
    case 'step':
      if (isGoto(returned) || isFinish(returned)) {
        throw new DefinitionError(
          `Step "${node.name}" returned ${isGoto(returned) ? 'goto()' : 'finish()'}, which only @Decision() and @Parallel() may: make it a @Decision().`,
        );
      }
      return next(settling, returned);
    case 'decision':
      return next(settling, returned);
  }
}

/** Settles the return value of a step, decision or collector: data, nothing, or a jump. */
function next({ place, definition, scope }: Settling, returned: unknown): Settled {
  const { node } = place;
  if (isGoto(returned)) {
    const target = gotoTarget(returned);
    const name = targetName(definition, node, target);
    if (name === null) {
      throw new DefinitionError(
        `"${node.name}" returned goto("${target}"), which its decorator does not declare: add "${target}" to \`goto\`.`,
      );
    }
    return { output: dataOf(place, returned.data, scope), facts: { goto: name } };
  }
  if (isFinish(returned)) {
    if (!place.main) {
      throw new DefinitionError(
        `"${node.name}" returned finish() in an arm of a parallel or an item of a loop, which cannot end the run for the others. ` +
          'Return data, and decide after the fan-out.',
      );
    }
    return { output: dataOf(place, returned.data, scope), facts: { finish: true } };
  }
  return { output: dataOf(place, returned, scope), facts: null };
}

/** Code names members by their methods; places, and what a definition declares, go by names. */
function targetName(definition: WorkflowDefinition, node: WorkflowNode, target: string): string | null {
  if (node.kind !== 'decision' && node.kind !== 'parallel') return null;
  const name = nameOfMember(definition.nodes, target);
  return name !== null && node.goto.includes(name) ? name : null;
}

function nameOfMember(nodes: Sequence, member: string): string | null {
  for (const node of nodes) {
    if (node.member === member) return node.name;
    const arms = node.kind === 'forEach' ? [node.arm] : 'arms' in node ? Object.values(node.arms) : [];
    for (const arm of arms) {
      const name = nameOfMember(arm, member);
      if (name !== null) return name;
    }
  }
  return null;
}

function dataOf({ node, item }: Place, returned: unknown, scope: StepScope): string | null {
  if (returned !== undefined && item === null && !isPlainData(returned)) {
    throw new InvalidStepResultError(node.name, returned);
  }
  const plain = returned === undefined || isPlainData(returned);
  // A value that is no object has no keys to write to.
  const data = plain ? scope.resolve(returned) : returned;
  return data === undefined ? null : encodeData(data, node, scope);
}

function encodeData(data: unknown, node: WorkflowNode, scope: StepScope): string {
  return encode(data, { maxBytes: scope.maxPayloadBytes, what: `${node.name}()` });
}

function chooseArm(node: WorkflowNode & { kind: 'branch' }, returned: unknown, scope: StepScope): Settled {
  const key = String(returned);
  const arm = [key, DEFAULT_ARM].find((name) => Object.hasOwn(node.arms, name));
  if (arm === undefined) {
    throw new FatalError(
      `Branch "${node.name}" chose ${describe(returned)}, and has no arm for it (${Object.keys(node.arms).join(', ')}): ` +
        'add that arm, or a `default`.',
    );
  }
  return selected(returned, { arm }, node, scope);
}

function items(node: WorkflowNode, returned: unknown, scope: StepScope): Settled {
  if (!Array.isArray(returned)) {
    throw new FatalError(`Loop "${node.name}" returned ${describe(returned)}; a selector returns the array of items.`);
  }
  return selected(returned, { items: returned.length }, node, scope);
}

/** Settles the return value of a selector, which picks the arms; the data is what it wrote. */
function selected(returned: unknown, facts: RecordFacts, node: WorkflowNode, scope: StepScope): Settled {
  const output = encodeData(returned, node, scope);
  const written = scope.resolve(undefined);
  return written === undefined ? { output, facts } : { output, facts, context: encodeData(written, node, scope) };
}

/** The data with `__results__`; data that is no object, which only an item can have, gives way to them. */
export function withResults(data: unknown, results: unknown): Record<string, unknown> {
  return { ...(isPlainData(data) ? data : {}), __results__: results };
}
