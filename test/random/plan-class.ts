import {
  Branch,
  Compensate,
  Decision,
  ForEach,
  goto,
  Parallel,
  type ParallelResults,
  putContext,
  Step,
  stepManager,
  Workflow,
  workflowId,
} from 'nest-durable';
import type { EntityManager } from 'typeorm';
import { type Input, Script, type Tools } from './acts.js';
import { at, lastOf } from './expected.js';
import {
  armsOf,
  membersOf,
  type NodePlan,
  type ParallelPlan,
  type Plan,
  type StepPlan,
  type UndoPlan,
} from './plan.js';
import { nameAt, nodesAt, undosAt, type Version } from './versions.js';

type Data = Readonly<Record<string, unknown>>;
type Method = (data: Data, second: unknown) => unknown;
/** The decorators are typed for classes that are written; this one is made. */
type Decorate = (prototype: object, member: string, descriptor: PropertyDescriptor) => void;

/** What a plan's members are called, and which compensations there are, in a version of its class. */
interface Names {
  of(member: string): string;
  readonly undos: readonly UndoPlan[];
}

/** A workflow class as a user would have written it, with all its decorators. */
export function classOf(plan: Plan, version: Version, tools: Tools): new () => object {
  const type = class {};
  Object.defineProperty(type, 'name', { value: `Plan${plan.index}Workflow` });
  const names: Names = { of: (member) => nameAt(plan, member, version), undos: undosAt(plan, version) };
  for (const node of membersOf(nodesAt(plan, version)))
    add(type.prototype, names.of(node.name), bodyOf(node, tools, names), decoratorOf(node, names));
  for (const undo of names.undos) {
    const retry = { maxAttempts: undo.fails + 1, initialDelay: 20, backoff: 'constant', jitter: false } as const;
    add(type.prototype, undo.name, undoBody(undo, tools), Compensate({ retry, transactional: undo.transactional }));
  }
  const { name, queue, priority, maxRetries, timeout, concurrency } = plan;
  Workflow({
    name,
    queue,
    priority,
    maxRetries,
    // Workers are killed all the time here, and rightly so.
    maxRecoveries: 32_000,
    ...(timeout === null ? {} : { timeout }),
    ...(concurrency === null ? {} : { concurrency: { ...concurrency, key: ({ key }: Input) => key } }),
  })(type);
  return type;
}

function add(prototype: object, member: string, body: Method, decorate: Decorate): void {
  const descriptor = { value: body, writable: true, configurable: true, enumerable: false };
  Object.defineProperty(prototype, member, descriptor);
  decorate(prototype, member, descriptor);
}

function decoratorOf(node: NodePlan, names: Names): Decorate {
  const arms = Object.fromEntries(armsOf(node).map(([key, arm]) => [key, arm.map(({ name }) => name)]));
  const retry = { maxAttempts: node.maxAttempts, initialDelay: 20, backoff: 'constant', jitter: false } as const;
  switch (node.kind) {
    case 'step':
      return Step<string>(stepOptions(node, names)) as Decorate;
    case 'decision':
      return Decision({
        ...stepOptions(node, names),
        goto: node.jump === null ? [] : [names.of(node.jump.to)],
      }) as Decorate;
    case 'branch':
      return Branch(arms, { retry }) as Decorate;
    case 'parallel': {
      const { onError, concurrency } = node;
      return Parallel(arms, { retry, onError, ...(concurrency === null ? {} : { concurrency }) }) as Decorate;
    }
    case 'forEach': {
      const { onError, concurrency, results } = node;
      return ForEach(arms[''] ?? [], { retry, onError, concurrency, results }) as unknown as Decorate;
    }
  }
}

function stepOptions(node: StepPlan, { undos }: Names) {
  const { maxAttempts, delay, transactional, queue, timeout } = node;
  const undo = undos.some(({ name }) => name === node.undo?.name) ? node.undo : null;
  return {
    retry: { maxAttempts, initialDelay: delay, backoff: 'constant', jitter: false },
    transactional,
    ...(queue === null ? {} : { queue }),
    ...(timeout === null ? {} : { timeout }),
    ...(undo === null ? {} : { compensate: undo.name, compensateWhen: undo.when }),
  } as const;
}

function bodyOf(node: NodePlan, tools: Tools, names: Names): Method {
  switch (node.kind) {
    case 'step':
    case 'decision':
      return (data) => runStep(node, data, tools, names);
    case 'branch':
      return async (data) => {
        await perform(node, data, tools);
        return node.pick;
      };
    case 'parallel':
      return async (data, results) => {
        const values = await perform(node, data, tools);
        return collected(node, data, results as ParallelResults<Record<string, Data>>, values);
      };
    case 'forEach':
      return async (data) => {
        await perform(node, data, tools);
        return Array.from({ length: node.count }, (_, n) => ({ at: `${at(data)}.${n}` }));
      };
  }
}

function perform(node: NodePlan, data: Data, tools: Tools): Promise<unknown[]> {
  return new Script(tools, node.name, at(data)).perform(node.acts);
}

async function runStep(node: StepPlan, data: Data, tools: Tools, names: Names): Promise<unknown> {
  if (node.transactional) await book(`${node.name}${at(data)}`);
  const values = await perform(node, data, tools);
  const counter = `$${node.name}`;
  const came = Number(data[counter] ?? 0);
  if (node.jump !== null && came < node.jump.times)
    return goto(names.of(node.jump.to), { ...data, [counter]: came + 1 });
  if (node.returns === 'data') return { ...data, [node.name]: values };
  if (node.returns === 'written') putContext(node.name, values);
  return undefined;
}

async function book(place: string): Promise<void> {
  await stepManager<EntityManager>().query('INSERT INTO public.bookings (run, place) VALUES ($1, $2)', [
    workflowId(),
    place,
  ]);
}

function collected(
  node: ParallelPlan,
  data: Data,
  results: ParallelResults<Record<string, Data>>,
  values: readonly unknown[],
): Data {
  const kept = Object.entries(results).map(([key, result]) => [
    key,
    lastOf(node.arms[key] ?? [], result.status === 'fulfilled' ? result.value : null),
  ]);
  return { ...data, [node.name]: { ...Object.fromEntries(kept), values } };
}

function undoBody(undo: UndoPlan, tools: Tools): Method {
  return async (_, info) => {
    const { step } = info as { step: string };
    const place = `${undo.name} of ${step}`;
    if (undo.transactional) await book(place);
    const script = new Script(tools, place, '');
    await script.perform([{ do: 'once', name: 'undo', ms: 1 }]);
    if (undo.fails > 0) await script.fail(undo.fails);
  };
}
