import type { Execution } from '../core/run/execution.js';
import { InputNotPendingError } from '../core/errors/errors.js';
import { isFinished } from '../core/run/status.js';
import { textOf } from '../core/text-of.js';
import type { DurableClient } from '../client/durable.client.js';
import type { StartOptions } from '../options/start.js';
import type { Commit, CrashSide } from './store-gate.js';

/** Options of `test.explore()`. `Run` is the handle of a run, `Test` the test itself. */
export interface ExploreOptions<Run, Test> {
  /**
   * Sends the run the events, inputs and time that it waits for. Called once for each run, right after its start: the
   * `provideInput()` of this handle waits until the run does, and moves the clock where that is not before some time. The
   * worker may die and recover in the middle of it. Default: nothing.
   */
  readonly drive?: (run: Run, test: Test) => unknown;
  /** Called with each run when it has ended, its steps included; throws if something is wrong. */
  readonly check: (execution: Execution, test: Test) => unknown;
  /** Options of the starts. Default: none. */
  readonly start?: Omit<StartOptions, 'id' | 'idempotencyKey' | 'manager'>;
}

/** Result of `test.explore()`. */
export interface Exploration {
  /** Commits of an undisturbed run, in order: `charge completed`, `the run ended: completed`. */
  readonly commits: readonly string[];
  /** Number of times that a worker was killed. */
  readonly crashes: number;
}

/** What of a handle answers an input. */
interface Answering {
  readonly id: string;
  provideInput(name: string | { readonly inputId: string }, data: unknown): Promise<void>;
}

interface Explorable {
  readonly client: DurableClient;
  idle(): Promise<void>;
}

/** What only the kit itself does with a test. */
interface Levers {
  setFate(fate: (commit: Commit) => CrashSide | null): void;
  /** Moves the clock of a test that has settled to the next due time, and lets it settle; false: there is none. */
  moveOn(): Promise<boolean>;
}

interface CrashPoint {
  /** The n-th commit, from 1. */
  readonly commit: number;
  readonly death: CrashSide;
}

/** Moves of the clock for one run, each to the next due time: a run that is not over by then never will be. */
const MOST_MOVES = 10_000;

export async function explore<Run extends Answering, Test extends Explorable>(
  test: Test,
  start: () => Promise<Run>,
  options: ExploreOptions<Run, Test>,
  levers: Levers,
): Promise<Exploration> {
  const attempt = async (point: CrashPoint | null): Promise<{ commits: string[]; crashed: boolean }> => {
    const commits: string[] = [];
    let crashed = false;
    levers.setFate((commit) => {
      commits.push(commit.what);
      if (crashed || commits.length !== point?.commit) return null;
      crashed = true;
      return point.death;
    });
    try {
      const run = await start();
      await options.drive?.(onceAsked(run, test, levers), test);
      await untilEnded(run.id, test, levers);
      const execution = await test.client.getExecution(run.id, { includeSteps: true });
      if (execution === null) throw new Error(`Run ${run.id} is gone`);
      await options.check(execution, test);
    } catch (cause) {
      const message = textOf(cause);
      throw new Error(`${describe(point, commits)}: ${message}`, { cause });
    }
    return { commits, crashed };
  };

  const { commits } = await attempt(null);
  let crashes = 0;
  for (let commit = 1; commit <= commits.length; commit++) {
    for (const death of ['before', 'after'] as const) {
      const { crashed } = await attempt({ commit, death });
      if (crashed) crashes++;
    }
  }
  return { commits, crashes };
}

/**
 * The handle, whose answers wait for the question: right after its start a run has asked for nothing, and they were refused.
 * As an event would, an answer waits through the times that pass before it is asked for.
 */
function onceAsked<Run extends Answering>(run: Run, test: Explorable, { moveOn }: Levers): Run {
  const provideInput = run.provideInput.bind(run);
  run.provideInput = async (name, data) => {
    await test.idle();
    for (let moves = 0; ; moves++) {
      try {
        return await provideInput(name, data);
      } catch (error) {
        if (!(error instanceof InputNotPendingError) || moves === MOST_MOVES) throw error;
        if ((await hasEnded(run.id, test)) || !(await moveOn())) throw error;
      }
    }
  };
  return run;
}

async function hasEnded(id: string, { client }: Explorable): Promise<boolean> {
  const execution = await client.getExecution(id);
  return execution === null || isFinished(execution.status);
}

/** Lets time pass until the run has ended. */
async function untilEnded(id: string, test: Explorable, { moveOn }: Levers): Promise<void> {
  await test.idle();
  for (let moves = 0; moves < MOST_MOVES; moves++) {
    const execution = await test.client.getExecution(id);
    if (execution === null || isFinished(execution.status)) return;
    if (await moveOn()) continue;
    const where = execution.currentSteps.map((step) => `"${step}"`).join(', ');
    throw new Error(`the run is ${execution.status} in ${where}, nothing is due, and drive() sent nothing more`);
  }
  throw new Error(`the run did not end within ${MOST_MOVES} due times`);
}

function describe(point: CrashPoint | null, commits: readonly string[]): string {
  if (point === null) return 'Without a crash';
  const what = commits[point.commit - 1];
  return `After a crash ${point.death} commit ${point.commit}${what === undefined ? '' : ` (${what})`}`;
}
