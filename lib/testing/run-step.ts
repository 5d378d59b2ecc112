import { decode, encode, isPlainData } from '../core/codec/codec.js';
import { uuidv7 } from '../core/uuid.js';
import { BootContext } from '../engine/ports/boot-context.js';
import { type FanResults, type ScopeHost, StepScope } from '../engine/step/scope.js';
import { AnsweredPass, childOf, nameOfWorkflow } from './answered-pass.js';
import { AnsweredWaits, type AskedWait, type WaitAnswers } from './answered-waits.js';

/** Surroundings of the step under test. */
export interface RunStepOptions {
  /** The run's input, as `workflowInput()` gives it. Default: `{}`. */
  readonly input?: object;
  /** The run's data, as `getContext()` gives it, and as the method is called with as a rule. Default: the input. */
  readonly data?: object;
  /** Values that `once` finds recorded, by name: their functions are not called. Default: none. */
  readonly once?: Readonly<Record<string, unknown>>;
  /** Answers to the step's waits, by name. Default: none. */
  readonly waits?: WaitAnswers;
  /** Results for `parallelResults()`. Default: none, so that it throws. */
  readonly results?: FanResults;
  /** Name for `currentStep()`. Default: `'step'`. */
  readonly step?: string;
  /** Number for `currentAttempt()`. Default: 1. */
  readonly attempt?: number;
  /** Id for `workflowId()`. Default: a new id. */
  readonly id?: string;
  /** Time for `scheduledTime()`. Default: null. */
  readonly scheduledTime?: Date;
  /** Manager for `stepManager()`, as in a transactional step. Default: none, so that it throws. */
  readonly manager?: unknown;
}

/** Outcome of the step. */
export interface StepOutcome<T> {
  /** Value that the method returned. */
  readonly result: T;
  /** The run's data after the step: what it returned together with what it wrote, in stored form. */
  readonly data: Record<string, unknown>;
  /** The values of all its `once` calls, by name: those found recorded and those made now. */
  readonly once: Readonly<Record<string, unknown>>;
  /** Waits of the step, in order. */
  readonly waits: readonly AskedWait[];
}

const MAX_PAYLOAD_BYTES = 2 * 2 ** 20;

/**
 * Runs the code of one step alone, with no app and no database: `await runStep(() => workflow.charge(order), { input })`.
 * The functions of a step work in it; values go through their stored form, as in a run.
 *
 * @throws the error of the step; SerializationError for a value that cannot be stored
 */
export async function runStep<T>(step: () => T, options: RunStepOptions = {}): Promise<StepOutcome<Awaited<T>>> {
  const { input = {}, data = input, id = uuidv7(), attempt = 1, manager = null } = options;
  const name = options.step ?? 'step';
  const waits = new AnsweredWaits(name, options.waits ?? {});
  const recorded = new Map(Object.entries(options.once ?? {}).map(([key, value]) => [key, encode(value)]));
  const used = new Map<string, string>();
  const host: ScopeHost = {
    // The step is part of the test: what that has in its async context is there.
    context: new BootContext(),
    maxPayloadBytes: MAX_PAYLOAD_BYTES,
    runId: id,
    input: encode(input, { what: 'input' }),
    scheduledTime: options.scheduledTime?.getTime() ?? null,
    recordedOnce: (key) => {
      const value = recorded.get(key);
      if (value !== undefined) used.set(key, value);
      return value;
    },
    recordOnce: (key, value) => {
      used.set(key, value);
      return Promise.resolve();
    },
    nameOf: nameOfWorkflow,
    prepareChild: (request, call, ref) => Promise.resolve(childOf(request, call, ref, id)),
    startedChild: () => undefined,
    startChild: ({ start }) => {
      waits.asked.push({ kind: 'startWorkflow', name: start.workflow, details: { input: decode(start.input) } });
      return Promise.resolve();
    },
    results: () => options.results ?? null,
    newLog: () => null,
  };
  const scope = new StepScope(host, {
    step: name,
    attempt,
    data: encode(data, { what: 'data' }),
    manager,
    waits: new AnsweredPass(waits),
  });
  try {
    const result = await scope.run(step);
    // A selector returns something else than data, which then stays as it was but for what was written.
    const left = scope.resolve(isPlainData(result) ? result : undefined) ?? data;
    return {
      result,
      data: decode(encode(left, { what: `${name}()`, maxBytes: MAX_PAYLOAD_BYTES })) as Record<string, unknown>,
      once: Object.fromEntries([...used].map(([key, value]) => [key, decode(value)])),
      waits: waits.asked,
    };
  } finally {
    scope.drop();
  }
}
