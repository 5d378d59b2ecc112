import { decode } from '../core/codec/codec.js';
import { isCancel, type StoredError } from '../core/errors/stored-error.js';
import { decodeName, findNode, stepNameOf } from '../core/definition/definition-path.js';
import type { WorkflowDefinition } from '../core/definition/definition.js';
import type { Redaction } from '../core/redact/redact.js';
import type { FinishedStatus } from '../core/run/status.js';
import type { NewRecord } from '../engine/ports/journal-rows.js';
import type { DeadWorker, ReportedRun, RunReport } from '../engine/ports/run-report.js';
import * as lines from './lines.js';
import type { ReportLog } from './limited-log.js';

/** Says what becomes of runs, as the option `report` wants it. */
export class LoggedReport implements RunReport {
  constructor(
    private readonly to: ReportLog,
    private readonly all: boolean,
    private readonly redact: Redaction,
    private readonly definitionOf: (workflow: string) => WorkflowDefinition | undefined,
  ) {}

  began(run: ReportedRun): void {
    if (this.all) this.to.log(lines.began(run));
  }

  attemptFailed(run: ReportedRun, { path, attempt, retryInMs, error }: NewRecord): void {
    const undoes = undoneBy(path);
    // One that is not tried again fails the run, which is said then, or is a result among others.
    if (retryInMs === null && undoes === null) return;
    const step = stepNameOf(path);
    const most = this.mostAttempts(run.workflow, path, undoes === null ? null : step);
    this.to.warn(lines.attemptFailed(run, { step, undoes, attempt, most, retryInMs }, this.shown(error)));
  }

  roundFailed(run: ReportedRun, error: StoredError, round: { next: number; most: number; delayMs: number }): void {
    this.to.warn(lines.roundFailed(run, this.redact.error(error), round));
  }

  paused(run: ReportedRun, error: string): void {
    this.to.error(lines.paused(run, this.shown(error)));
  }

  ended(run: ReportedRun, status: FinishedStatus, error: string | null, failedStep: string | null): void {
    const shown = error === null ? null : this.shown(error);
    const isAsked = shown !== null && isCancel(shown) && status !== 'compensation_failed';
    if (status === 'completed' || status === 'cancelled' || isAsked) {
      if (this.all) this.to.log(lines.ended(run, status, shown, failedStep));
      return;
    }
    this.to.error(lines.ended(run, status, shown, failedStep));
  }

  recovered(rows: number, queues: readonly string[], workers: readonly DeadWorker[]): void {
    this.to.warn(lines.recovered(rows, queues, workers));
  }

  private shown(error: string | null): StoredError {
    return error === null ? NOTHING : this.redact.error(decode(error) as StoredError);
  }

  private mostAttempts(workflow: string, path: string, compensation: string | null): number | null {
    const definition = this.definitionOf(workflow);
    if (definition === undefined) return null;
    const found =
      compensation === null
        ? findNode(definition, path)?.settings
        : definition.compensations.find(({ name }) => name === compensation);
    return found?.retry.maxAttempts ?? null;
  }
}

const NOTHING: StoredError = { name: 'Error', message: '' };

/** The step that the compensation at a path undoes; null: it is none. */
function undoneBy(path: string): string | null {
  const [step, compensation] = path.slice(path.lastIndexOf('/') + 1).split('~');
  return compensation === undefined || step === undefined ? null : decodeName(step);
}
