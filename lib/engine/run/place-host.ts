import { locate } from '../../core/run/cursor.js';
import * as machine from '../../core/run/machine.js';
import { oncePath } from '../../core/run/once-path.js';
import { own, type SequenceState } from '../../core/run/run-state.js';
import type { Place } from '../../core/run/survey.js';
import type { RecordPlace } from '../journal/record-maker.js';
import type { BootContext } from '../ports/boot-context.js';
import type { PreparedChild } from '../ports/children.js';
import type { NewRecord } from '../ports/store.js';
import { prepareChild } from '../step/child-start.js';
import { settledResults } from '../step/fan-results.js';
import { StepLog } from '../step/log.js';
import { type FanResults, type ScopeHost, StepScope } from '../step/scope.js';
import type { RunningAttempt } from './running-attempt.js';
import type { SessionCore } from './session-core.js';
import { beginAttempt } from './traces.js';

/** The session of an attempt at a place, as the attempt uses it. */
export class PlaceHost implements ScopeHost {
  /** Children that the open transaction of the step will start; null: it has none. */
  children: PreparedChild[] | null = null;

  constructor(
    private readonly core: SessionCore,
    private readonly place: Place,
    private readonly session: { proceed(): void },
  ) {}

  open(attempt: RunningAttempt, manager: unknown): StepScope {
    const { core, place } = this;
    const { path, state } = place;
    // A transaction that was lost is retried.
    if (manager !== null) this.children = [];
    attempt.seen = core.book.closed(path, state.visit);
    return new StepScope(this, {
      step: attempt.info.step,
      attempt: attempt.info.attempt,
      data: core.values.get(place.data),
      manager,
      waits: core.book.pass(attempt.info, core.deps.clock, this.maxPayloadBytes, state.threw),
      trace: beginAttempt(core.trace, attempt.info, core.book.senders(path, state.visit)),
    });
  }

  get context(): BootContext {
    return this.core.deps.context;
  }

  get maxPayloadBytes(): number {
    return this.core.deps.maxPayloadBytes;
  }

  get runId(): string {
    return this.core.runId;
  }

  get input(): string {
    return this.core.row.input;
  }

  get scheduledTime(): number | null {
    return this.core.row.scheduledTime;
  }

  recordedOnce(name: string): string | undefined {
    return this.core.recordedOnce(this.place.state.once, name);
  }

  recordOnce(name: string, value: string): Promise<void> {
    const at = placeOf(this.place);
    const record = this.core.make.record({ ...at, path: oncePath(at.path, name) }, 'once', { output: value });
    return this.note([record], []);
  }

  nameOf(workflow: unknown): string {
    return this.core.deps.targets.nameOf(workflow);
  }

  prepareChild(...asked: Parameters<ScopeHost['prepareChild']>): Promise<PreparedChild> {
    return prepareChild(this.core.deps, this.core.row, ...asked);
  }

  startedChild(call: string, ref: string | null): ReturnType<ScopeHost['startedChild']> {
    const { core, place } = this;
    if (ref === null) return own(place.state.children, call);
    return own(sequenceOf(core, place)?.refs ?? {}, machine.refKey(place.state.visit, ref));
  }

  async startChild(child: PreparedChild): Promise<void> {
    if (this.children !== null) return void this.children.push(child);
    await this.note([this.core.make.child(placeOf(this.place), child)], [child]);
  }

  results(): FanResults | null {
    const ref = this.place.own ?? this.place.results;
    return ref === null ? null : settledResults(ref, this.core.values);
  }

  newLog(): StepLog | null {
    const { logs, clock } = this.core.deps;
    return logs === null ? null : new StepLog(logs, clock, this.place.state.logged ?? null);
  }

  private note(records: readonly NewRecord[], children: readonly PreparedChild[]): Promise<void> {
    return this.core.note(this.place.node.name, records, children, this.session);
  }
}

/** The sequence that a place is in, as it is now; undefined: the run has left it. */
export function sequenceOf(core: SessionCore, { path }: Place): SequenceState | undefined {
  return locate(core.workflow.definition, core.state, path)?.sequence;
}

export function placeOf({ path, state, data }: Pick<Place, 'path' | 'state' | 'data'>): RecordPlace {
  return { path, visit: state.visit, attempt: state.attempt, data };
}
