import type { Standing, StandingKind } from 'nest-durable';
import type { Plan } from './plan.js';
import type { ObservedRecord } from './verdict.js';
import { expectedRound } from './reference.js';
import { membersOf } from './plan.js';

/*
 * What the sentence of a run must be about, by the plain columns of its rows and by the model of its plan. It shares
 * nothing with what makes the sentence: neither the snapshot nor the state machine.
 */

/** Rows of one run, as they were both before and after the sentence was asked for. */
export interface SeenRun {
  readonly id: string;
  readonly status: string;
  readonly round: number;
  /** Null: it has ended. */
  readonly state: 'ready' | 'blocked' | 'running' | 'sleeping' | null;
  readonly paused: boolean | null;
  readonly compensating: boolean | null;
  readonly begun: boolean;
  /** ms; of the clock that runs live by. */
  readonly now: number;
  readonly waits: readonly { kind: StandingKind; names: readonly string[]; path: string; due: number | null }[];
  /** In the order of the journal. */
  readonly records: readonly SeenRecord[];
}

export interface SeenRecord extends Pick<ObservedRecord, 'path' | 'type' | 'round' | 'visit' | 'attempt' | 'status'> {
  /** ms */
  readonly retryAt: number | null;
}

/** What is wrong with a sentence; none: nothing. */
export function standingFaults(plan: Plan | null, run: SeenRun, said: Standing): string[] {
  const verdict = new StandingVerdict(plan, run, said);
  return verdict.faults().map((fault) => `${fault}: "${said.title}" (${said.kind})`);
}

/** The kind that the rows ask for. */
export function kindOf(run: SeenRun): StandingKind {
  const { status, state, paused, compensating, waits, begun } = run;
  if (state === null) return status as StandingKind;
  if (paused === true && state !== 'running') return 'paused';
  if (compensating === true) return 'compensating';
  if (state === 'running') return 'running';
  if (state !== 'sleeping') return 'due';
  if (pendingRetries(run).length > 0) return 'retry';
  const [first] = waits.toSorted(
    (a, b) => Number(a.kind === 'child') - Number(b.kind === 'child') || (a.due ?? Infinity) - (b.due ?? Infinity) || 0,
  );
  if (first !== undefined) return first.kind;
  return begun ? 'retry' : 'scheduled';
}

/** Failed attempts of the round whose next one is not due yet and not there. */
function pendingRetries({ records, round, now }: SeenRun): SeenRecord[] {
  const last = new Map<string, SeenRecord>();
  for (const one of records) if (one.round === round) last.set(`${one.path} #${one.visit}`, one);
  const lost = records.some((one) => one.round === round && one.status === 'failed' && one.retryAt === null);
  const found = [...last.values()].filter(({ retryAt }) => retryAt !== null && retryAt > now);
  // What is still to be tried in a part that has failed is given up, and which part that is the journal does not say.
  return lost ? found.filter(({ type }) => type === 'compensate') : found;
}

class StandingVerdict {
  private readonly found: string[] = [];

  constructor(
    private readonly plan: Plan | null,
    private readonly run: SeenRun,
    private readonly said: Standing,
  ) {}

  faults(): string[] {
    const { run, said, found } = this;
    const kind = kindOf(run);
    // What is still to be tried in a part that has failed is not told from the rest by the journal.
    const lost = run.state === 'sleeping' && said.kind === 'retry' && this.retries().length > 0;
    if (said.kind !== kind && !lost) found.push(`it is ${kind}`);
    if (/nothing says why|undefined|null|NaN|Infinity/.test(said.title)) found.push('it gives no reason');
    if (said.kind === 'scheduled' && run.begun) found.push('it has begun');
    if (run.state === 'sleeping' && said.waits.length === 0 && said.until === null && run.paused !== true) {
      found.push('nothing wakes it');
    }
    const wanted = run.state === null ? [] : run.waits.map(({ kind: of, path }) => `${of} ${path}`);
    const shown = said.waits.map(({ kind: of, path }) => `${of} ${path}`);
    if (wanted.toSorted().join() !== shown.toSorted().join()) found.push(`its waits are ${wanted.join()}`);
    if (this.plan !== null) this.byPlan(this.plan);
    return found;
  }

  /** Against the tree. */
  private byPlan(plan: Plan): void {
    const { run, said, found } = this;
    switch (said.kind) {
      case 'failed':
      case 'compensated':
      case 'compensation_failed':
        return this.ended(plan);
      case 'retry':
        return this.retry();
      case 'running': {
        if (said.step !== undefined && !this.reached(plan).has(said.step)) found.push(`${said.step} is not reached`);
        return;
      }
      case 'compensating': {
        const done = run.records.filter(
          (one) => one.type === 'compensate' && one.round === run.round && one.retryAt === null,
        );
        const shown = /, ([\d ,]+) of /.exec(said.title)?.[1];
        if (shown !== undefined && Number(shown) !== done.length) found.push(`${done.length} are undone`);
        const step = membersOf(plan.nodes).find(({ name }) => name === said.step);
        if (said.step !== undefined && (step === undefined || !('undo' in step) || step.undo === null)) {
          found.push(`${said.step} has nothing to undo`);
        }
        return;
      }
      default:
    }
  }

  /** The step that the model says it fails in, after as many attempts. */
  private ended(plan: Plan): void {
    const { run, said, found } = this;
    const { end } = expectedRound(plan, run.round);
    if (end.status !== 'failed') return void found.push('the model says that it completes');
    const ways = end.error.failures.map(({ record }) => `${record.name} ${record.attempt}`);
    const attempts = /after (\d+) attempt/.exec(said.title)?.[1];
    const way = `${said.step} ${attempts}`;
    if (!ways.includes(way)) found.push(`it fails by one of ${ways.join(', ')}, not ${way}`);
  }

  private retries(): SeenRecord[] {
    const { records, now, round } = this.run;
    return records.filter((one) => one.round === round && one.retryAt !== null && one.retryAt > now);
  }

  /** The attempt that comes next, and when. */
  private retry(): void {
    const { said, found, run } = this;
    const rounds = /(\d+) of \d+ rounds have failed/.exec(said.title)?.[1];
    if (rounds !== undefined) {
      if (Number(rounds) !== run.round - 1) found.push(`${run.round - 1} rounds have failed`);
      return;
    }
    const failed = Number(/(\d+) of \d+ attempts have failed/.exec(said.title)?.[1]);
    const ways = this.retries().map(({ path, attempt, retryAt }) => `${nameOf(path)} ${attempt} ${retryAt}`);
    const way = `${said.step} ${failed} ${said.nextAttemptAt?.getTime()}`;
    if (!ways.includes(way)) found.push(`it is to try one of ${ways.join(', ')}, not ${way}`);
  }

  /** The members whose predecessors are all recorded, as the model has them. */
  private reached(plan: Plan): Set<string> {
    const { round, records } = this.run;
    const made = new Set(records.filter((one) => one.round === round).map(({ path, attempt }) => `${path} ${attempt}`));
    const expected = expectedRound(plan, round).records;
    return new Set(
      expected
        .filter(({ after }) => after.every(({ path, attempt }) => made.has(`${path} ${attempt}`)))
        .map(({ name }) => name),
    );
  }
}

function nameOf(path: string): string {
  return path.slice(Math.max(path.lastIndexOf('/'), path.lastIndexOf('~')) + 1);
}
