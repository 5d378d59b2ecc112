import { locate } from '../../core/run/cursor.js';
import * as machine from '../../core/run/machine.js';
import { oncePath } from '../../core/run/once-path.js';
import { own, type SequenceState } from '../../core/run/run-state.js';
import type { Place } from '../../core/run/survey.js';
import type { RecordPlace } from '../journal/record-maker.js';
import type { PreparedChild } from '../ports/children.js';
import type { NewRecord } from '../ports/store.js';
import { prepareChild } from '../step/child-start.js';
import type { ScopeHost } from '../step/scope.js';
import type { SessionCore } from './session-core.js';

/** What an attempt needs of those who run it. */
interface Links {
  /** Children that the open transaction of the step there will start; undefined: it has none. */
  childrenOf(path: string): PreparedChild[] | undefined;
  /** Sees to it that what was noted is committed. */
  proceed(): void;
}

/** The session of an attempt at a place, as the attempt uses it. */
export class PlaceHost implements ScopeHost {
  constructor(
    private readonly core: SessionCore,
    private readonly place: Place,
    private readonly links: Links,
  ) {}

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
    const open = this.links.childrenOf(this.place.path);
    if (open !== undefined) return void open.push(child);
    await this.note([this.core.make.child(placeOf(this.place), child)], [child]);
  }

  private note(records: readonly NewRecord[], children: readonly PreparedChild[]): Promise<void> {
    return this.core.note(this.place.node.name, records, children, this.links);
  }
}

/** The sequence that a place is in, as it is now; undefined: the run has left it. */
export function sequenceOf(core: SessionCore, { path }: Place): SequenceState | undefined {
  return locate(core.workflow.definition, core.state, path)?.sequence;
}

export function placeOf({ path, state, data }: Pick<Place, 'path' | 'state' | 'data'>): RecordPlace {
  return { path, visit: state.visit, attempt: state.attempt, data };
}
