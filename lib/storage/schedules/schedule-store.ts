import { newRun, type NewRun } from '../../core/run/new-run.js';
import { encode } from '../../core/codec/codec.js';
import { failed, fired, type ScheduleState } from '../../core/time/schedule.js';
import { errorOf, read } from '../../core/text-of.js';
import type {
  FiredSchedule,
  FirePlan,
  FireTarget,
  NothingDue,
  ScheduleStore,
  UnreadableSchedule,
  WorkersSince,
} from '../../engine/ports/store.js';
import { isConnectionError, isRetryableRejection } from '../connection/connection-errors.js';
import { rowJson, type ScheduleRow, readState } from './schedule-rows.js';
import { sql } from '../sql.js';
import { startsJson } from '../starts-json.js';
import { inTransaction, type Lender, type Query } from '../connection/transaction.js';

type StartPlan = FirePlan & { readonly kind: 'start' };

/** Rows inserted by one statement. */
const CHUNK = 1_000;

/**
 * Fires schedules. A run carries a key made of the schedule's name and the due time, so that even a database clock that
 * is set back, or a change of the schedule at that very moment, starts no second run for a due time.
 */
export class PgScheduleStore implements ScheduleStore {
  constructor(
    private readonly pool: Lender,
    private readonly schema: string,
  ) {}

  fireSchedule(
    workflows: readonly { readonly name: string; readonly definitionId: number }[],
    leaveAlone: readonly string[],
    plan: (schedule: ScheduleState, now: number, others: WorkersSince) => Promise<FirePlan>,
  ): Promise<FiredSchedule | UnreadableSchedule | NothingDue> {
    const names = workflows.map(({ name }) => name);
    return inTransaction(this.pool, async (query) => {
      const [row] = await query<ScheduleRow & { now: Date }>(sql('lock-due-schedule', this.schema), [
        names,
        workflows.map(({ definitionId }) => definitionId),
        leaveAlone,
      ]);
      if (row === undefined) {
        const [next] = await query<{ next_in_ms: number | null; now: Date }>(sql('next-schedule', this.schema), [
          names,
        ]);
        return { name: null, nextInMs: next?.next_in_ms ?? null, now: next?.now.getTime() ?? NaN };
      }
      const state = readState(row);
      // The others go on.
      if (typeof state === 'string') return { name: row.name, unreadable: state };
      const now = row.now.getTime();
      const made = await plan(state, now, (worker) => workersSince(query, this.schema, worker, state.workflow));
      if (made.kind === 'leave') return { name: state.name, runs: [], error: null, autoDisabled: false };
      if (made.kind === 'fail') return this.fail(query, state, made.error, made.next, now);
      return this.start(query, state, made, now);
    });
  }

  private async start(query: Query, state: ScheduleState, plan: StartPlan, now: number): Promise<FiredSchedule> {
    const { active, open } = await openRuns(query, this.schema, state);
    // A run that starts now counts as unfinished for the due time after.
    const dues = state.settings.overlap === 'allow' ? plan.dues : plan.dues.slice(0, active ? 0 : 1);
    let runs: string[] = [];
    try {
      await query('SAVEPOINT starts', []);
      runs = await this.insert(query, state, plan.target, dues);
    } catch (error) {
      if (isConnectionError(error) || isRetryableRejection(error)) throw error;
      await query('ROLLBACK TO SAVEPOINT starts', []);
      return this.fail(query, state, rejection(error), plan.next, now);
    }
    await this.write(query, fired(state, { runs, open, next: plan.next, now }));
    return { name: state.name, runs, error: null, autoDisabled: false };
  }

  private async insert(
    query: Query,
    state: ScheduleState,
    target: FireTarget,
    dues: readonly number[],
  ): Promise<string[]> {
    const runs = dues.map((due) => dueRun(state, target, new Date(due).toISOString()));
    const inserted = new Set<string>();
    for (let at = 0; at < runs.length; at += CHUNK) {
      const json = startsJson(runs.slice(at, at + CHUNK));
      const rows = await query<{ id: string }>(sql('start-runs', this.schema), [json]);
      for (const { id } of rows) inserted.add(id);
    }
    return runs.map((run) => run.id).filter((id) => inserted.has(id));
  }

  private async fail(
    query: Query,
    state: ScheduleState,
    error: string,
    next: number,
    now: number,
  ): Promise<FiredSchedule> {
    const after = failed(state, error, next, now);
    await this.write(query, after);
    return { name: state.name, runs: [], error, autoDisabled: !after.enabled };
  }

  private async write(query: Query, state: ScheduleState): Promise<void> {
    await query(sql('write-schedule', this.schema), [rowJson(state)]);
  }
}

/** Since when a living worker other than this has had the code of a workflow, ms; null: none has it. */
export async function workersSince(
  query: Query,
  schema: string,
  worker: number,
  workflow: string,
): Promise<number | null> {
  const [found] = await query<{ since: number | null }>(sql('workers-since', schema), [worker, workflow]);
  return found?.since ?? null;
}

/** The schedule's runs that have not ended, and whether one of them goes on; not asked where it does not matter. */
export async function openRuns(
  query: Query,
  schema: string,
  { openRuns: runs, settings }: ScheduleState,
): Promise<{ active: boolean; open: string[] }> {
  if (settings.overlap === 'allow' || runs.length === 0) return { active: false, open: [] };
  const rows = await query<{ id: string; active: boolean }>(sql('open-runs', schema), [runs]);
  return { active: rows.some((row) => row.active), open: rows.map((row) => row.id) };
}

function dueRun(state: ScheduleState, target: FireTarget, due: string): NewRun {
  return newRun({
    workflow: state.workflow,
    definitionId: target.definitionId,
    queue: target.queue,
    priority: target.priority,
    input: state.settings.input,
    scheduledAt: due,
    idempotencyKey: `schedule:${state.name}:${due}`,
    scheduleTime: due,
    scheduleName: state.name,
  });
}

/** The server's refusal without its details, which quote the row. */
function rejection(error: unknown): string {
  const { name, message } = errorOf(error);
  const code = read(error, 'code');
  return encode({ name, message, ...(typeof code === 'string' ? { code } : {}), stack: `${name}: ${message}` });
}
