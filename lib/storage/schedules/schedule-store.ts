import { newRun, type NewRun } from '../../core/run/new-run.js';
import { encode } from '../../core/codec/codec.js';
import { failed, fired, type ScheduleState } from '../../core/time/schedule.js';
import { errorOf, read } from '../../core/text-of.js';
import type {
  FiredSchedule,
  FiredSchedules,
  FirePlan,
  FireTarget,
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
type RowWithNow = ScheduleRow & { readonly now: Date };

/** A schedule whose due time is being fired. */
interface Firing {
  readonly state: ScheduleState;
  readonly plan: Exclude<FirePlan, { readonly kind: 'leave' }>;
  /** Its runs that have not ended. */
  open: readonly string[];
  /** Those that are to start. */
  runs: readonly NewRun[];
  /** Encoded; null: nothing failed. */
  error: string | null;
}

/** Schedules that are fired in one transaction: each by itself takes ten round trips, and thousands may be due at midnight. */
const MOST_SCHEDULES = 100;
/** Rows inserted by one statement; with as many no further schedule is fired in the transaction. */
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

  fireSchedules(
    workflows: readonly { readonly name: string; readonly definitionId: number }[],
    leaveAlone: readonly string[],
    plan: (schedule: ScheduleState, now: number, others: WorkersSince) => Promise<FirePlan>,
  ): Promise<FiredSchedules> {
    const names = workflows.map(({ name }) => name);
    return inTransaction(this.pool, async (query) => {
      const ids = workflows.map(({ definitionId }) => definitionId);
      const values = [names, ids, leaveAlone, MOST_SCHEDULES];
      const rows = await query<RowWithNow>(sql('lock-due-schedules', this.schema), values);
      const now = rows[0]?.now.getTime();
      if (now === undefined) return this.nextOf(query, names);
      const firing: Firing[] = [];
      const unreadable: UnreadableSchedule[] = [];
      let starts = 0;
      for (const row of rows) {
        if (starts >= CHUNK) break;
        const state = readState(row);
        // The others go on.
        if (typeof state === 'string') {
          unreadable.push({ name: row.name, unreadable: state });
          continue;
        }
        const made = await plan(state, now, (worker) => workersSince(query, this.schema, worker, state.workflow));
        if (made.kind === 'leave') continue;
        if (made.kind === 'start') starts += made.dues.length;
        firing.push({ state, plan: made, open: [], runs: [], error: made.kind === 'fail' ? made.error : null });
      }
      const done = firing.length === 0 ? [] : await this.fire(query, firing, now);
      return { some: true, fired: done, unreadable, nextInMs: null, now };
    });
  }

  private async nextOf(query: Query, workflows: readonly string[]): Promise<FiredSchedules> {
    const rows = await query<{ next_in_ms: number | null; now: Date }>(sql('next-schedule', this.schema), [workflows]);
    const { next_in_ms: nextInMs = null, now } = rows[0] ?? {};
    return { some: false, fired: [], unreadable: [], nextInMs, now: now?.getTime() ?? NaN };
  }

  private async fire(query: Query, firing: readonly Firing[], now: number): Promise<FiredSchedule[]> {
    const starting = firing.filter(({ plan }) => plan.kind === 'start');
    const states = starting.map(({ state }) => state);
    const runs = await unfinished(query, this.schema, states);
    for (const one of starting) {
      const { state, plan } = one;
      const { active, open } = openOf(runs, state);
      one.open = open;
      const { dues, target } = plan as StartPlan;
      // A run that starts now counts as unfinished for the due time after.
      const wanted = state.settings.overlap === 'allow' ? dues : dues.slice(0, active ? 0 : 1);
      one.runs = wanted.map((due) => dueRun(state, target, new Date(due).toISOString()));
    }
    const inserted = new Set<string>();
    await this.insert(query, starting, inserted);
    const outcomes = firing.map((one) => outcomeOf(one, inserted, now));
    await query(sql('write-schedule', this.schema), [`[${outcomes.map(({ after }) => rowJson(after)).join(',')}]`]);
    return outcomes.map(({ fired: told }) => told);
  }

  /** Of several of which one is refused, which one is told by trying each by itself. */
  private async insert(query: Query, starting: readonly Firing[], inserted: Set<string>): Promise<void> {
    const runs = starting.flatMap((one) => one.runs);
    if (runs.length === 0) return;
    const ids: string[] = [];
    try {
      await query('SAVEPOINT starts', []);
      for (let at = 0; at < runs.length; at += CHUNK) {
        const json = startsJson(runs.slice(at, at + CHUNK));
        ids.push(...(await query<{ id: string }>(sql('start-runs', this.schema), [json])).map(({ id }) => id));
      }
      for (const id of ids) inserted.add(id);
    } catch (error) {
      if (isConnectionError(error) || isRetryableRejection(error)) throw error;
      await query('ROLLBACK TO SAVEPOINT starts', []);
      const [first, ...others] = starting;
      if (first !== undefined && others.length === 0) first.error = rejection(error);
      else for (const one of starting) await this.insert(query, [one], inserted);
    }
  }
}

/** What became of a schedule, and what is written of it. */
function outcomeOf(
  { state, plan, open, runs, error }: Firing,
  inserted: ReadonlySet<string>,
  now: number,
): { after: ScheduleState; fired: FiredSchedule } {
  const { name, workflow } = state;
  if (error !== null) {
    const after = failed(state, error, plan.next, now);
    return { after, fired: { name, workflow, runs: [], error, autoDisabled: !after.enabled } };
  }
  const started = runs.flatMap(({ id }) => (inserted.has(id) ? [id] : []));
  const after = fired(state, { runs: started, open, next: plan.next, now });
  return { after, fired: { name, workflow, runs: started, error: null, autoDisabled: false } };
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
  state: ScheduleState,
): Promise<{ active: boolean; open: string[] }> {
  return openOf(await unfinished(query, schema, [state]), state);
}

/** Of the runs that schedules have started those that have not ended, where it matters to the schedule, and whether each goes on. */
async function unfinished(
  query: Query,
  schema: string,
  states: readonly ScheduleState[],
): Promise<ReadonlyMap<string, boolean>> {
  const ids = states.flatMap(({ openRuns: runs, settings }) => (settings.overlap === 'allow' ? [] : runs));
  if (ids.length === 0) return new Map();
  const rows = await query<{ id: string; active: boolean }>(sql('open-runs', schema), [ids]);
  return new Map(rows.map(({ id, active }) => [id, active]));
}

function openOf(
  runs: ReadonlyMap<string, boolean>,
  { openRuns: own }: ScheduleState,
): { active: boolean; open: string[] } {
  const open = own.filter((id) => runs.has(id));
  return { active: open.some((id) => runs.get(id) === true), open };
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
