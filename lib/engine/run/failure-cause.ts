import { toStoredError } from '../../core/codec/error-record.js';
import { failedBy } from '../../core/run/machine.js';
import type { StoredError } from '../../core/errors/stored-error.js';
import { endsTheRun, storedErrorOf } from '../step/attempt.js';
import type { SessionCore } from './session-core.js';

/** Cause of a run's failure: a record that failed it, a cancel, or one without a record (its timeout, its input). */
export class FailureCause {
  private error: StoredError | null = null;

  constructor(
    private readonly core: SessionCore,
    /** Encoded error of a cancel or a timeout that asks for compensation; null: none. */
    public cancel: string | null,
  ) {}

  /** The first one counts. */
  add(error: unknown): void {
    this.error ??= toStoredError(error);
  }

  get isFailing(): boolean {
    return this.error !== null || this.cancel !== null || this.isRecorded;
  }

  /** True when a record holds it. */
  get isRecorded(): boolean {
    return failedBy(this.core.state) !== null;
  }

  get outcome(): 'failed' | 'cancelled' {
    const { cancel, error } = this;
    // A run that was late without a lease is to be undone too.
    return cancel === null || error !== null || endsTheRun(storedErrorOf(cancel)) ? 'failed' : 'cancelled';
  }

  /** Null: its record is to be read first. */
  known(): StoredError | null {
    const { values } = this.core;
    if (this.error !== null) return this.error;
    if (this.cancel !== null) return storedErrorOf(this.cancel);
    return values.has(this.seq) ? storedErrorOf(values.error(this.seq)) : null;
  }

  load(): Promise<void> {
    return this.core.load([this.seq]);
  }

  private get seq(): number {
    return failedBy(this.core.state) ?? 0;
  }
}
