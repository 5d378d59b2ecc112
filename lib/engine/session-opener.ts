import type { WorkflowDefinition } from '../core/definition.js';
import { referencedRecords } from '../core/machine.js';
import { HandedSession } from './handed-session.js';
import type { RegisteredWorkflow, Registry } from './registry.js';
import { restore, snapshotOf } from './restore.js';
import { RunSession } from './run-session.js';
import { RunValues } from './run-values.js';
import type { Session, SessionDeps } from './session.js';
import type { Sessions } from './sessions.js';
import { UnreadableSession } from './unreadable-session.js';
import type { ClaimedRow, HandedStep, JournalRecord, RecordRange, StartOp } from './store.js';

/** Turns rows that this process has got into sessions: reads what a resumed run needs, all rows of a claim at once. */
export class SessionOpener {
  /** Definitions of other versions of the code; they never change. */
  private readonly stored = new Map<number, WorkflowDefinition>();

  constructor(
    private readonly deps: SessionDeps,
    private readonly registry: Registry,
    private readonly sessions: Sessions,
  ) {}

  /** A run that was started and taken in one statement: there is nothing to read. */
  openStarted(op: Omit<StartOp, 'claim'>, token: number): void {
    const row: ClaimedRow = {
      rowId: op.id,
      runId: op.id,
      token,
      workflow: op.workflow,
      definitionId: op.definitionId,
      ranBy: op.definitionId,
      queue: op.queue,
      input: op.input,
      snapshot: null,
      snapshotSeq: 0,
      round: 1,
      fresh: true,
      recoveries: 0,
      deadlineInMs: op.timeout,
      step: null,
      scheduledTime: null,
    };
    const workflow = this.workflowOf(row);
    this.sessions.open(new RunSession(this.deps, workflow, row, restore(row, workflow.definition, [])), op.queue);
  }

  /** Rows from the queue. One that cannot be read goes back, and harms no other. */
  async openClaimed(rows: readonly ClaimedRow[]): Promise<void> {
    const records = await this.recordsOf(rows);
    for (const row of rows) {
      try {
        this.sessions.open(await this.session(row, records.get(row.rowId) ?? []), row.queue);
      } catch (error) {
        this.sessions.open(new UnreadableSession(this.deps, row, error), row.queue);
      }
    }
  }

  private async session(row: ClaimedRow, records: readonly JournalRecord[]): Promise<Session> {
    const workflow = this.workflowOf(row);
    if (row.step !== null) {
      return new HandedSession(this.deps, workflow, row, new RunValues(row.input, records), records);
    }
    const ranBy = row.fresh ? workflow.definition : await this.definition(row.ranBy);
    return new RunSession(this.deps, workflow, row, restore(row, ranBy, records));
  }

  private async recordsOf(rows: readonly ClaimedRow[]): Promise<Map<string, JournalRecord[]>> {
    const resumed = rows.filter((row) => !row.fresh);
    const byRow = new Map<string, JournalRecord[]>(resumed.map((row) => [row.rowId, []]));
    if (resumed.length === 0) return byRow;
    for (const { rowId, ...record } of await this.deps.store.loadRecords(resumed.map(rangeOf))) {
      byRow.get(rowId)?.push(record);
    }
    return byRow;
  }

  private async definition(id: number): Promise<WorkflowDefinition> {
    const known = this.registry.byId(id)?.definition ?? this.stored.get(id);
    if (known !== undefined) return known;
    const definition = await this.deps.store.loadDefinition(id);
    this.stored.set(id, definition);
    return definition;
  }

  private workflowOf(row: ClaimedRow): RegisteredWorkflow {
    const workflow = this.registry.byId(row.definitionId);
    if (workflow === undefined) throw new Error(`Definition ${row.definitionId} is not one of this process`);
    return workflow;
  }
}

function rangeOf(row: ClaimedRow): RecordRange {
  if (row.step !== null) {
    const { nextSeq, dataSeq, once } = JSON.parse(row.step) as HandedStep;
    return { rowId: row.rowId, runId: row.runId, after: nextSeq - 1, also: [dataSeq, ...Object.values(once)] };
  }
  const snapshot = snapshotOf(row);
  return {
    rowId: row.rowId,
    runId: row.runId,
    after: row.snapshotSeq,
    also: snapshot === null ? [] : referencedRecords(snapshot),
  };
}
