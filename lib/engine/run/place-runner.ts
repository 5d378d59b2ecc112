import { decode, encode } from '../../core/codec/codec.js';
import { toStoredError } from '../../core/codec/error-record.js';
import { AttemptClosedError, type DurableError, FatalError, type WaitTimeoutError } from '../../core/errors/errors.js';
import * as machine from '../../core/run/machine.js';
import { type DataRef, type ResultsRef, seqOf, type StepState } from '../../core/run/run-state.js';
import type { Place } from '../../core/run/survey.js';
import { uuidv7 } from '../../core/uuid.js';
import { type AttemptResult, type AttemptSpec, failedAttempt } from '../step/attempt.js';
import { AttemptPass } from '../step/attempt-pass.js';
import { PlaceHost, placeOf, sequenceOf } from './place-host.js';
import { isAskedFor } from '../step/asked-waits.js';
import { PlaceSpec, withResults } from '../step/attempt-kinds.js';
import { childExtras } from '../step/child-start.js';
import { settledResults } from '../step/fan-results.js';
import { tellAttempt } from './observed.js';
import { attemptAt, RunningAttempt } from './running-attempt.js';
import type { RecordPlace } from '../journal/record-maker.js';
import type { SessionCore } from './session-core.js';
import { hasThrown, type Suspension } from '../step/waits.js';
import { REMOTE_SPAN, type RemoteStep, type RunOp } from '../ports/store.js';
import { runTransactional } from './transactional.js';

interface RunnerHost {
  /** An attempt has come to its end. */
  settled(): void;
  proceed(): void;
  pause(error: DurableError): void;
  lose(reason: Error): void;
  /** The engine itself has failed there. */
  broken(error: unknown): void;
}

/** Makes what is due at a place: an attempt, with what it is to leave in the journal; or hands it to another queue. */
export class PlaceRunner {
  constructor(
    private readonly core: SessionCore,
    private readonly host: RunnerHost,
  ) {}

  mayBegin(place: Place): boolean {
    const { core } = this;
    // User code starts only when the record before it is committed, a collector when nothing below it runs any more. What
    // the engine does by itself goes into the same commit.
    if (core.attempts.has(place.path) || core.calls.isClosing(place.path)) return false;
    if (place.own !== null && core.runsBelow(place.path)) return false;
    if (this.isOwn(place)) return true;
    return core.isCommitted(place.at) && !core.outbox.isFull;
  }

  /** True when beginning there runs no user code. */
  private isOwn(place: Place): boolean {
    return place.work === 'gather' || this.isElsewhere(place) || needsIntent(place);
  }

  begin(place: Place): void {
    const { core } = this;
    if (this.isElsewhere(place)) return this.startRemotely(place);
    if (needsIntent(place)) {
      // The body runs once it is known that it may have run.
      return core.write([core.make.record(placeOf(place), 'intent')]);
    }
    const now = { runId: core.runId, round: core.state.round, startedAt: core.deps.clock.now() };
    const host = new PlaceHost(core, place, this.host);
    const attempt = new RunningAttempt(attemptAt(place, now), host);
    core.attempts.add(attempt);
    if (place.work !== 'gather') tellAttempt(core.deps, core.row, attempt.info);
    void this.conduct(place, attempt, host);
  }

  private async conduct(place: Place, attempt: RunningAttempt, host: PlaceHost): Promise<void> {
    const { core } = this;
    try {
      const needed = neededFor(place);
      if (!core.values.hasAll(needed)) {
        await core.load(needed);
        // Given up meanwhile.
        if (core.attempts.get(place.path) !== attempt) return;
      }
      const made = place.work === 'gather' ? this.gather(place) : this.tooOften(place);
      if (made !== null) {
        // Not within the look that has begun it: its end makes the session look again.
        await Promise.resolve();
        this.finish(place, attempt, made);
      } else if (place.node.settings.transactional) await this.transact(place, attempt, host);
      else this.attempt(place, attempt);
    } catch (error) {
      this.broken(place, attempt, error);
    }
  }

  private broken(place: Place, attempt: RunningAttempt, error: unknown): void {
    if (this.core.attempts.get(place.path) !== attempt) return;
    if (error instanceof AttemptClosedError) this.host.lose(error);
    else this.host.broken(error);
  }

  private isElsewhere(place: Place): boolean {
    const { queue } = place.node.settings;
    return queue !== null && queue !== this.core.row.queue && !isTooOften(place);
  }

  /** A step fails by what it waited for, whatever it would have done about it. */
  failAt(path: string, step: StepState, data: DataRef, error: WaitTimeoutError): void {
    const { core } = this;
    const running = core.attempts.get(path);
    running?.giveUp(error);
    core.attempts.delete(path);
    const place = { path, visit: step.visit, attempt: step.attempt, data };
    const type = step.kind;
    this.close(place, true);
    core.write([
      core.make.record(place, type, {
        status: 'failed',
        error: encode(toStoredError(error)),
        facts: { failRun: true },
        logs: running?.scope?.logged?.text() ?? null,
        durationMs: step.spent,
      }),
    ]);
  }

  /** The failure of a decision that goes round in circles; null: it is none. */
  private tooOften(place: Place): AttemptResult | null {
    const { node, state } = place;
    if (node.kind !== 'decision' || !isTooOften(place)) return null;
    const message = `Decision "${node.name}" was to be visited more than ${node.maxVisits} times: raise maxVisits, or end the circle.`;
    const spec = { name: node.name, retry: node.settings.retry };
    return failedAttempt(this.core.workflow, spec, state.attempt, new FatalError(message), 0);
  }

  private specOf(place: Place): AttemptSpec {
    const { core } = this;
    return new PlaceSpec(place, core.values, core.workflow.definition, core.deps.advice);
  }

  private attempt(place: Place, attempt: RunningAttempt): void {
    const { workflow, deps } = this.core;
    const scope = attempt.open(null);
    const pass = new AttemptPass(workflow, this.specOf(place), scope, deps.clock, {
      ended: (result) => this.finish(place, attempt, result),
      broken: (error) => this.broken(place, attempt, error),
    });
    pass.begin(attempt, place.state.spent);
  }

  private async transact(place: Place, attempt: RunningAttempt, host: PlaceHost): Promise<void> {
    const { core } = this;
    const end = await runTransactional(core.deps, core.workflow, this.specOf(place), attempt, (result) => {
      const children = host.children ?? [];
      const started = children.map((child) => core.make.child(placeOf(place), child));
      return {
        rowId: core.row.rowId,
        runId: core.runId,
        token: core.row.token,
        after: core.outbox.after,
        afterWait: core.outbox.afterWait,
        records: [...started, core.make.attempt(placeOf(place), place.node.kind, result)],
        outcome: null,
        extras: childExtras(children),
      };
    });
    this.finish(place, attempt, end.result, end.committed);
  }

  /** Puts the results of a loop into the data. */
  private gather(place: Place): AttemptResult {
    const { core } = this;
    // The end of a loop whose results nobody wants.
    if (place.node.kind === 'forEach' && place.node.results === 'none') {
      return { status: 'completed', output: null, facts: null, durationMs: 0 };
    }
    try {
      const results = place.own === null ? [] : settledResults(place.own, core.values);
      const data = withResults(decode(core.values.get(place.data)), results);
      const what = `${place.node.name}.__results__`;
      const output = encode(data, { maxBytes: core.deps.maxPayloadBytes, what });
      return { status: 'completed', output, facts: null, durationMs: 0 };
    } catch (error) {
      return { status: 'failed', error: encode(toStoredError(error)), retryInMs: null, durationMs: 0 };
    }
  }

  private finish(place: Place, attempt: RunningAttempt, result: AttemptResult, committed: RunOp | null = null): void {
    const { core } = this;
    // Given up: by a lost lease, or by a hand-back, after which the attempt is made again.
    if (core.attempts.get(place.path) !== attempt) return;
    core.attempts.delete(place.path);
    try {
      if (result.status === 'suspended') {
        core.write(core.make.log(attempt.info, result.log ?? null, true));
        this.suspended(place, attempt, result.how, result.durationMs);
      } else if (committed !== null) {
        core.takeCommitted(committed);
      } else {
        const type = place.work === 'gather' ? 'gather' : place.node.kind;
        const over = result.status === 'completed' || result.retryInMs === null;
        const threw = core.book.threw(place.path, place.state.visit);
        this.close(placeOf(place), over);
        // An abandoned attempt is not tried again.
        const settled = attempt.abandoned && result.status === 'failed' ? { ...result, retryInMs: null } : result;
        core.write(core.make.attempts(placeOf(place), type, settled, threw));
      }
    } catch (error) {
      return this.host.broken(error);
    }
    this.host.settled();
  }

  /** The visit is over, and its waits with it; or the attempt, and those that threw. */
  private close({ path, visit }: RecordPlace, over: boolean): void {
    const { core } = this;
    const waits = core.book.of(path, visit).filter((wait) => over || hasThrown(wait));
    if (waits.length === 0) return;
    core.book.remove(waits);
    core.outbox.add({ closes: waits.map(({ id }) => ({ id, path })) });
  }

  private suspended(place: Place, attempt: RunningAttempt, how: Suspension, durationMs: number): void {
    const { core } = this;
    // A failure around it, which may have come in this macrotask, does not wait for it.
    if (attempt.abandoned || !isAskedFor(core.workflow.definition, core.state, attempt.info)) return;
    if (how.kind === 'stuck') return this.host.pause(how.error);
    // The state of this place, as it is now: other records have come meanwhile.
    place.state.spent = durationMs;
    place.state.seen = attempt.seen;
    if (how.children.length > 0) core.write(how.children.map((child) => core.make.child(placeOf(place), child)));
    core.outbox.add(how);
    core.book.add(how.waits);
    core.changed(place.path);
  }

  private startRemotely(place: Place): void {
    const { core } = this;
    const rowId = uuidv7();
    const { state, path, data, item, main } = place;
    const nextSeq = core.make.last + 2;
    core.write([core.make.record(placeOf(place), 'remote', { facts: { remote: { rowId, nextSeq } } })]);
    const step: RemoteStep = {
      path,
      visit: state.visit,
      attempt: state.attempt,
      round: core.state.round,
      data,
      item,
      results: place.results,
      main,
      spent: state.spent,
      intent: state.intent,
      ...(state.logged === undefined ? {} : { logged: state.logged }),
      ...(state.threw === undefined ? {} : { threw: state.threw }),
      once: state.once,
      calls: state.children,
      refs: machine.refsOfVisit(sequenceOf(core, place)?.refs ?? {}, state.visit),
      nextSeq,
      end: nextSeq + REMOTE_SPAN,
      ...(core.state.trace === undefined ? {} : { trace: core.state.trace }),
    };
    core.make.last += REMOTE_SPAN;
    core.outbox.add({ remoteStarts: [{ rowId, queue: place.node.settings.queue ?? '', step: JSON.stringify(step) }] });
  }
}

function isTooOften({ node, state }: Place): boolean {
  return node.kind === 'decision' && state.visit > node.maxVisits;
}

/** True when the step's intent is to be recorded before its body runs. */
export function needsIntent({ node, state }: Place): boolean {
  const { compensate, compensateWhen } = node.settings;
  return compensate !== null && compensateWhen === 'started' && !state.intent;
}

/** The records that an attempt needs at hand. */
export function neededFor({ data, item, own: arms, results, state, work }: Place): number[] {
  const needed = [
    [seqOf(data)],
    item === null ? [] : [seqOf(item.data)],
    refs(arms),
    work === 'gather' ? [] : refs(results),
    Object.values(state.once),
  ];
  return needed.flat().filter((seq) => seq > 0);
}

function refs(results: ResultsRef | null): number[] {
  return machine.refsOf(results);
}
