import { stepNameOf } from '../../core/definition/definition-path.js';
import { encodeLine, logText } from '../../core/run/log-entry.js';
import type { RecordType } from '../../core/run/machine.js';
import { logPath, oncePath, pathOfOnce } from '../../core/run/once-path.js';
import type { DataRef } from '../../core/run/run-state.js';
import type { AttemptResult } from '../step/attempt.js';
import { childFacts } from '../step/child-start.js';
import type { PreparedChild } from '../ports/children.js';
import { NO_LINES, type StepLog } from '../step/log.js';
import { type NewRecord, REMOTE_RESERVE, REMOTE_SPAN } from '../ports/store.js';

/** The place of a record. */
export interface RecordPlace {
  readonly path: string;
  readonly visit: number;
  readonly attempt: number;
  readonly data: DataRef;
}

export type SettledAttempt = Exclude<AttemptResult, { status: 'suspended' }>;

/** The error of a step on another queue that has used up the numbers of its records. */
export function tooManyRecords(path: string): Error {
  const step = stepNameOf(pathOfOnce(path));
  return new Error(
    `Step "${step}" has recorded as much as a step on another queue can: ${REMOTE_SPAN - REMOTE_RESERVE} once() calls, ` +
      'children and attempts. Do it in several steps, or in a loop.',
  );
}

/** Makes the records of a leased row, and numbers them. */
export class RecordMaker {
  constructor(
    /** The highest number in use. */
    public last: number,
    private readonly of: { readonly round: number },
    private readonly clock: { now(): number },
    /** Numbers from here on are others'. */
    private readonly end = Infinity,
  ) {}

  /** True where no more than the end of an attempt has a number left. */
  get isFull(): boolean {
    return this.last >= this.end - 1 - REMOTE_RESERVE;
  }

  /** A record of what happened at a place, with the next number. @throws Error where that is another's */
  record(place: RecordPlace, type: RecordType, more: Partial<NewRecord> = {}): NewRecord {
    if (this.last + 1 >= this.end) throw tooManyRecords(place.path);
    return {
      seq: ++this.last,
      input: place.data,
      round: this.of.round,
      path: place.path,
      visit: place.visit,
      attempt: place.attempt,
      type,
      status: 'completed',
      facts: null,
      output: null,
      error: null,
      logs: null,
      retryInMs: null,
      durationMs: 0,
      ...more,
    };
  }

  /** The record of an attempt that has come to its end. `threw`: keys of its waits that threw. */
  attempt(place: RecordPlace, type: RecordType, result: SettledAttempt, threw: readonly string[] = []): NewRecord {
    const logs = result.log?.text() ?? null;
    if (result.status === 'completed') {
      const { output, facts, durationMs } = result;
      return this.record(place, type, { output, facts, logs, durationMs });
    }
    const { error, retryInMs, durationMs } = result;
    const facts = retryInMs === null || threw.length === 0 ? null : { threw };
    return this.record(place, type, { status: 'failed', facts, error, logs, retryInMs, durationMs });
  }

  /** The same, with the data before it, where a selector has written that. */
  attempts(place: RecordPlace, type: RecordType, result: SettledAttempt, threw: readonly string[]): NewRecord[] {
    const written = result.status === 'completed' ? result.context : undefined;
    const before = written === undefined ? [] : [this.record(place, 'context', { output: written })];
    return [...before, this.attempt(place, type, result, threw)];
  }

  /**
   * The log record of an attempt that makes no record of its own. `goesOn`: suspended, so that the next pass logs the same
   * lines again; an attempt that was handed back begins anew.
   */
  log(at: Omit<RecordPlace, 'data'>, log: StepLog | null, goesOn: boolean): NewRecord[] {
    const left = log?.leave() ?? null;
    if (left === null) return [];
    const { text, mark } = left;
    const logged = goesOn ? mark : { ...mark, ...NO_LINES };
    const { path, visit, attempt } = at;
    return [this.record({ path: logPath(path), visit, attempt, data: 0 }, 'log', { logs: text, facts: { logged } })];
  }

  /** A line of the engine's own among what an attempt has logged. */
  note({ path, visit, attempt }: Omit<RecordPlace, 'data'>, message: string): NewRecord {
    const logs = logText([{ time: this.clock.now(), line: encodeLine({ level: 'error', message }) }], 0);
    return this.record({ path: logPath(path), visit, attempt, data: 0 }, 'log', { logs });
  }

  child(place: RecordPlace, child: PreparedChild): NewRecord {
    return this.record({ ...place, path: oncePath(place.path, child.call) }, 'child', { facts: childFacts(child) });
  }
}
