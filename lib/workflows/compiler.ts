import { types } from 'node:util';
import { checkDraft } from '../core/definition/definition-check.js';
import { buildDefinition, type DraftMember, type DraftWorkflow } from '../core/definition/definition-draft.js';
import {
  DEFAULT_RETRY,
  DEFAULT_SETTINGS,
  type RetryPolicy,
  type StepSettings,
  type WorkflowDefinition,
} from '../core/definition/definition.js';
import { describe } from '../core/describe.js';
import type { Violation } from '../core/errors/durable-error.js';
import { didYouMean } from '../core/did-you-mean.js';
import {
  decoratedMembers,
  methodNames,
  type DecoratedMember,
  type MemberMetadata,
} from '../decorators/member-metadata.js';
import { workflowOptions } from '../decorators/workflow-options.js';
import type { RetryOptions, StepOptions, WorkflowOptions } from '../decorators/types.js';

/** A compiled class: its definition, and the functions that cannot be part of one. */
export interface CompiledWorkflow {
  readonly definition: WorkflowDefinition;
  readonly inputType: Function | null;
  /** By the name of the node or compensation. */
  readonly retryIf: ReadonlyMap<string, (error: unknown) => boolean>;
  readonly concurrencyKey: ((input: unknown) => string) | null;
  /** Warnings: it works, and is probably not meant. */
  readonly notices: readonly string[];
}

/** A compiled class, or everything that is wrong with it; each fault's path is `Class.member`. */
export type CompileResult =
  | { readonly compiled: CompiledWorkflow; readonly faults?: undefined }
  | { readonly compiled?: undefined; readonly faults: readonly Violation[] };

type Options = WorkflowOptions<object, never>;
type Report = (message: string) => void;

const RETRY_KEYS = ['maxAttempts', 'backoff', 'initialDelay', 'maxDelay', 'factor', 'jitter', 'retryIf'];
const MEMBER_KEYS = ['name', 'retry', 'timeout'];
const STEP_KEYS = [...MEMBER_KEYS, 'compensate', 'compensateWhen', 'queue', 'transactional'];
const KEYS: Readonly<Record<MemberMetadata['decorator'], readonly string[]>> = {
  Step: STEP_KEYS,
  Decision: [...STEP_KEYS, 'goto', 'maxVisits'],
  Branch: MEMBER_KEYS,
  Parallel: [...MEMBER_KEYS, 'onError', 'concurrency', 'goto'],
  ForEach: [...MEMBER_KEYS, 'onError', 'concurrency', 'results'],
  Compensate: [...MEMBER_KEYS, 'transactional'],
};
const WORKFLOW_KEYS = [
  'name',
  'queue',
  'priority',
  'timeout',
  'maxRetries',
  'maxRecoveries',
  'input',
  'concurrency',
  'instance',
  'description',
];

/** Turns a class and what its decorators say into a checked definition. All faults are found, not only the first. */
export function compileWorkflow(type: Function, options: Options): CompileResult {
  const faults: Violation[] = [];
  const at = (member: string | null): Report => {
    const path = member === null ? className(type) : `${className(type)}.${member}`;
    return (message) => void faults.push({ path, message });
  };
  const members = decoratedMembers(type);
  const methods = methodNames(type);
  const isMethod = new Set(methods);
  const retryIf = new Map<string, (error: unknown) => boolean>();

  checkWorkflowOptions(options, at(null));
  const draft: DraftWorkflow = {
    ...workflowFields(type, options),
    members: members.flatMap((member) => draftMembers(isMethod, member, retryIf, at(member.member))),
    methods,
  };
  for (const { member, message } of checkDraft(draft)) {
    at(member)(message);
  }
  return faults.length > 0
    ? { faults }
    : {
        compiled: {
          definition: buildDefinition(draft),
          inputType: options.input ?? null,
          retryIf,
          // The key is called with the run's input, which `start` has checked against the class's types.
          concurrencyKey: (options.concurrency?.key as ((input: unknown) => string) | undefined) ?? null,
          notices: [...shortNames(draft, options, members), ...lostInput(options)],
        },
      };
}

/** A class's name for messages. */
export function className(type: Function): string {
  return type.name === '' ? 'an anonymous class' : type.name;
}

/** The name of a class that is a workflow, whether or not it is a provider here; null: it has no `@Workflow()`. */
export function workflowNameOf(type: Function): string | null {
  const options = workflowOptions(type);
  return options === null ? null : (options.name ?? defaultWorkflowName(type));
}

/** `OrderWorkflow` → `order`, `HTTPFetchWorkflow` → `http_fetch`; a class called just `Workflow` keeps its name. */
export function defaultWorkflowName(type: Function): string {
  const stem = type.name.replace(/(?<=.)_?Workflow$/, '');
  return stem
    .replace(/([\p{Ll}\d])(\p{Lu})/gu, '$1_$2')
    .replace(/(\p{Lu})(\p{Lu}\p{Ll})/gu, '$1_$2')
    .toLowerCase();
}

/** Names of one or two letters are mostly a minifier's, which gives others in the next build. */
const SHORTEST_NAME = 3;

/** The stored runs of a workflow go by its name, and their places by those of its members. */
function shortNames(draft: DraftWorkflow, { name }: Options, members: readonly DecoratedMember[]): string[] {
  const own = members.filter(({ decorators }) => decorators[0]?.options.name === undefined).map(({ member }) => member);
  const short = own.filter((member) => member.length < SHORTEST_NAME).map((member) => `"${member}"`);
  const notices: string[] = [];
  if (name === undefined && draft.name.length < SHORTEST_NAME) {
    notices.push(
      `its name "${draft.name}" was made from that of the class, which a minifier may have shortened: the next build would ` +
        'not know the runs of this one. Set `name` in @Workflow()',
    );
  }
  if (short.length > 0) {
    notices.push(
      `${short.join(', ')} ${short.length === 1 ? 'goes by the name of its method' : 'go by the names of their methods'}, ` +
        'which a minifier may have shortened: the next build would not find the places of runs. Set `name` in the decorators',
    );
  }
  return notices;
}

/** A class that an import cycle has not made yet, or that was imported as a type. */
function lostInput(options: Options): string[] {
  if (!('input' in options) || options.input !== undefined) return [];
  return [
    '`input` is undefined in @Workflow(), so no input is checked: import the class as a value, from a file that does not ' +
      'import this one, or take `input` away',
  ];
}

function workflowFields(type: Function, options: Options): Omit<DraftWorkflow, 'members' | 'methods'> {
  return {
    name: options.name ?? defaultWorkflowName(type),
    description: options.description ?? null,
    queue: options.queue ?? 'default',
    priority: options.priority ?? 0,
    timeout: options.timeout ?? null,
    maxRetries: options.maxRetries ?? 0,
    maxRecoveries: options.maxRecoveries ?? 10,
    concurrency: concurrencyOf(options),
  };
}

/** Null also for what is no limit at all: that is reported by itself. */
function concurrencyOf({ concurrency }: Options): WorkflowDefinition['concurrency'] {
  if (concurrency?.limit === undefined) return null;
  return { limit: concurrency.limit, hold: concurrency.hold ?? 'working' };
}

function checkWorkflowOptions(options: Options, report: Report): void {
  checkKeys('', options, WORKFLOW_KEYS, report);
  if (options.input !== undefined && typeof options.input !== 'function') {
    report(`input is ${describe(options.input)}; it must be a class`);
  }
  if (options.instance !== undefined && (typeof options.instance !== 'string' || options.instance === '')) {
    report(`instance is ${describe(options.instance)}; it must be the \`name\` of a DurableModule`);
  }
  if (
    options.concurrency !== undefined &&
    checkKeys('concurrency', options.concurrency, ['key', 'limit', 'hold'], report)
  ) {
    checkFunction('concurrency.key', options.concurrency.key, report);
    if (options.concurrency.limit === undefined) {
      report('concurrency has no limit; say how many runs may run at a time');
    }
  }
}

/** One member, or none when what the decorators say cannot even be read as one. */
function draftMembers(
  methods: ReadonlySet<string>,
  { member, decorators }: DecoratedMember,
  retryIf: Map<string, (error: unknown) => boolean>,
  report: Report,
): DraftMember[] {
  const [metadata, second] = decorators;
  if (metadata === undefined) {
    return [];
  }
  if (second !== undefined) {
    report(`it has @${metadata.decorator}() and @${second.decorator}(); a method is one member. Take one away`);
  }
  if (!methods.has(member)) {
    report(`@${metadata.decorator}() goes on a method, and this is none (a getter, or a field)`);
  }
  const options: object = metadata.options;
  if (!checkKeys('', options, KEYS[metadata.decorator], report)) {
    return [];
  }
  if (metadata.decorator === 'Parallel' && Array.isArray(metadata.arms)) {
    // As keys of an object they would come together without a word.
    const seen = new Set<string>();
    const twice = metadata.arms.filter((name) => seen.size === seen.add(name).size);
    if (twice.length > 0) {
      report(`its list names ${twice.map((name) => `"${name}"`).join(', ')} twice; a member stands in one place`);
    }
  }
  const retry = metadata.options.retry;
  if (retry !== undefined && checkKeys('retry', retry, RETRY_KEYS, report)) {
    checkFunction('retry.retryIf', retry.retryIf, report);
  }
  const draft = draftMember(member, metadata);
  if (retry?.retryIf !== undefined) {
    retryIf.set(draft.name, retry.retryIf);
  }
  return [draft];
}

function draftMember(member: string, metadata: MemberMetadata): DraftMember {
  const base = { member, name: metadata.options.name ?? member, settings: settingsOf(metadata.options) };
  switch (metadata.decorator) {
    case 'Step':
      return { ...base, kind: 'step' };
    case 'Decision':
      return {
        ...base,
        kind: 'decision',
        goto: nameList(metadata.options.goto),
        maxVisits: metadata.options.maxVisits ?? 1000,
      };
    case 'Branch':
      return { ...base, kind: 'branch', arms: armTable(metadata.arms) };
    case 'Parallel':
      return {
        ...base,
        kind: 'parallel',
        arms: armTable(metadata.arms),
        onError: metadata.options.onError ?? 'failFast',
        concurrency: metadata.options.concurrency ?? null,
        goto: nameList(metadata.options.goto),
      };
    case 'ForEach':
      return {
        ...base,
        kind: 'forEach',
        arm: nameList(metadata.arm),
        onError: metadata.options.onError ?? 'failFast',
        concurrency: metadata.options.concurrency ?? 10,
        results: metadata.options.results ?? 'all',
      };
    case 'Compensate':
      return { ...base, kind: 'compensation' };
  }
}

function settingsOf(options: StepOptions): StepSettings {
  return {
    retry: retryPolicy(options.retry ?? {}),
    timeout: options.timeout ?? DEFAULT_SETTINGS.timeout,
    compensate: options.compensate ?? DEFAULT_SETTINGS.compensate,
    compensateWhen: options.compensateWhen ?? DEFAULT_SETTINGS.compensateWhen,
    queue: options.queue ?? DEFAULT_SETTINGS.queue,
    transactional: options.transactional ?? DEFAULT_SETTINGS.transactional,
  };
}

function retryPolicy(options: RetryOptions): RetryPolicy {
  return {
    maxAttempts: options.maxAttempts ?? DEFAULT_RETRY.maxAttempts,
    backoff: options.backoff ?? DEFAULT_RETRY.backoff,
    initialDelay: options.initialDelay ?? DEFAULT_RETRY.initialDelay,
    maxDelay: options.maxDelay ?? DEFAULT_RETRY.maxDelay,
    factor: options.factor ?? DEFAULT_RETRY.factor,
    jitter: options.jitter ?? DEFAULT_RETRY.jitter,
  };
}

/** Every arm as a list; the names of the short form `['a', 'b']` are its keys too. */
function armTable(arms: unknown): Record<string, readonly string[]> {
  const entries: [string, unknown][] = Array.isArray(arms)
    ? arms.map((name) => [String(name), name])
    : Object.entries(arms ?? {});
  return Object.fromEntries(entries.map(([key, arm]) => [key, nameList(arm)]));
}

/** A name or a list of them as a list. Empty for what is neither, which the check refuses: JavaScript gets here too. */
function nameList(names: unknown): readonly string[] {
  return typeof names === 'string' ? [names] : Array.isArray(names) ? names.map(String) : [];
}

/** Faults for keys that are no option, which the compiler does not see in JavaScript; false when it is no object. */
function checkKeys(path: string, options: unknown, known: readonly string[], report: Report): boolean {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    report(`${path === '' ? 'its options are' : `${path} is`} ${describe(options)}; expected an object`);
    return false;
  }
  for (const key of Object.keys(options).filter((name) => !known.includes(name))) {
    report(`${path === '' ? '' : `${path}.`}${key} is no option.${didYouMean(key, known)}`);
  }
  return true;
}

function checkFunction(option: string, value: unknown, report: Report): void {
  if (value !== undefined && typeof value !== 'function') {
    report(`${option} is ${describe(value)}; it must be a function`);
  } else if (types.isAsyncFunction(value)) {
    report(`${option} is an async function; its answer must be there at once`);
  }
}
