import {
  Branch,
  Compensate,
  currentAttempt,
  Decision,
  FatalError,
  finish,
  ForEach,
  goto,
  incrementContext,
  Parallel,
  Step,
  Workflow,
} from 'nest-durable';
import { failureOf, isFields, itemsOf, jumped, returned, selected, type Returned } from './behaviour.js';
import { Random } from '../support/random.js';
import { armsOf, membersOf, type Act, type NodePlan, type Plan, type UndoPlan } from './plan.js';

/** Told by every method that it begins, and with what. */
export interface Probe {
  /** Gives the run's round, which a method is not told. */
  begin(plan: Plan, member: string, args: readonly unknown[]): Promise<number>;
}

type Method = (...args: unknown[]) => Promise<unknown>;
/** The decorators are typed for classes that are written; this one is made. */
type Decorate = (prototype: object, member: string, descriptor: PropertyDescriptor) => void;

/**
 * A workflow class as a user would have written it, with all its decorators.
 * @param elsewhere the queue of some of its steps. Default: all are in that of their run
 */
export function classOf(plan: Plan, probe: Probe, elsewhere: string | null = null): new () => object {
  const type = class {};
  Object.defineProperty(type, 'name', { value: `Plan${plan.seed}Workflow` });
  // Of half of the plans none, of the others every other one.
  const random = new Random(plan.seed);
  const share = random.chance(0.5) ? 0 : 0.5;
  for (const node of membersOf(plan.nodes)) {
    const queue = elsewhere !== null && random.chance(share) ? { queue: elsewhere } : {};
    add(type.prototype, node.name, bodyOf(plan, node, probe), decoratorOf(node, queue));
  }
  for (const undo of plan.undos) {
    add(type.prototype, undo.name, undoBody(plan, undo, probe), Compensate({ retry: retryOf(undo.act) }));
  }
  // Workers are killed all the time here, and rightly so.
  Workflow({ name: plan.name, maxRetries: plan.maxRetries, maxRecoveries: 32_000 })(type);
  return type;
}

/**
 * Lets go of what the methods of a class know. NestJS keeps every class that has a decorator like `@Workflow()` for good,
 * and by its methods the plan, with all that was run on it.
 */
export function dismantle(type: new () => object): void {
  const prototype = type.prototype as Record<string, unknown>;
  for (const name of Object.getOwnPropertyNames(prototype)) if (name !== 'constructor') delete prototype[name];
}

function add(prototype: object, member: string, body: Method, decorate: Decorate): void {
  const descriptor = { value: body, writable: true, configurable: true, enumerable: false };
  Object.defineProperty(prototype, member, descriptor);
  decorate(prototype, member, descriptor);
}

/** @param queue of a step or decision */
function decoratorOf(node: NodePlan, queue: { readonly queue?: string }): Decorate {
  const retry = retryOf(node.act);
  const arms = Object.fromEntries(armsOf(node).map(([key, arm]) => [key, arm.map(({ name }) => name)]));
  switch (node.kind) {
    case 'step':
      return Step<string>({ retry, ...queue, ...undoOf(node.undo) }) as Decorate;
    case 'decision':
      return Decision({
        retry,
        ...queue,
        ...undoOf(node.undo),
        maxVisits: node.maxVisits,
        goto: gotoOf(node),
      }) as Decorate;
    case 'branch':
      return Branch(arms, { retry }) as Decorate;
    case 'parallel':
      return Parallel(arms, {
        retry,
        onError: node.onError,
        ...(node.concurrency === null ? {} : { concurrency: node.concurrency }),
        goto: gotoOf(node),
      }) as Decorate;
    case 'forEach':
      return ForEach(arms[''] ?? [], {
        retry,
        onError: node.onError,
        concurrency: node.concurrency,
        results: node.results,
      }) as unknown as Decorate;
  }
}

function gotoOf({ jump }: { readonly jump: { readonly to: string } | null }): string[] {
  return jump === null ? [] : [jump.to];
}

function undoOf(undo: { readonly name: string; readonly when: 'completed' | 'started' } | null): object {
  return undo === null ? {} : { compensate: undo.name, compensateWhen: undo.when };
}

function retryOf({ maxAttempts, delay }: Act) {
  return { maxAttempts, initialDelay: delay, backoff: 'constant', jitter: false } as const;
}

function bodyOf(plan: Plan, node: NodePlan, probe: Probe): Method {
  return async (...args) => {
    const data = args[0];
    await begun(plan, node, probe, args);
    switch (node.kind) {
      case 'branch':
        write(node, data);
        return selected(node, data);
      case 'forEach':
        write(node, data);
        return itemsOf(node, data);
      case 'step':
        return given(node.name, node.act, data, returned(node.name, node.act, data));
      default: {
        const { name, act, jump } = node;
        return given(name, act, data, jumped(name, jump, data) ?? returned(name, act, data));
      }
    }
  };
}

/** A selector has no other way to change the data. */
function write({ name, act }: NodePlan, data: unknown): void {
  if (act.returns === 'written' && isFields(data)) incrementContext(name);
}

/** What the engine gets, by way of the public functions. */
function given(name: string, act: Act, data: unknown, what: Returned): unknown {
  switch (what.kind) {
    case 'nothing':
      return undefined;
    case 'goto':
      return goto(what.to, what.data);
    case 'finish':
      return finish(what.data);
    case 'data':
      if (act.returns !== 'written' || !isFields(data)) return what.data;
      incrementContext(name);
      return undefined;
  }
}

function undoBody(plan: Plan, undo: UndoPlan, probe: Probe): Method {
  return (...args) => begun(plan, undo, probe, args);
}

async function begun(plan: Plan, { name, act }: UndoPlan, probe: Probe, args: readonly unknown[]): Promise<undefined> {
  const attempt = currentAttempt();
  const round = await probe.begin(plan, name, args);
  for (let tick = 0; tick < act.ticks; tick++) await new Promise<void>((resolve) => setImmediate(resolve));
  const failure = failureOf(name, act, attempt, round);
  if (failure === null) return undefined;
  throw act.fatal ? new FatalError(failure) : new Error(failure);
}
