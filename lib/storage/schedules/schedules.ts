import type { NewRun } from '../../core/run/new-run.js';
import { ScheduleExistsError, ScheduleNotFoundError } from '../../core/errors/errors.js';
import { NO_REDACTION, type Redaction } from '../../core/redact/redact.js';
import {
  declared,
  isJustDue,
  newSchedule,
  removed,
  type StoredSchedule,
  type ScheduleDeclaration,
  type ScheduleState,
  triggered,
} from '../../core/time/schedule.js';
import { uuidv7 } from '../../core/uuid.js';
import { rowJson, type ScheduleRow, readState, stateToDeclare, toSchedule, toState } from './schedule-rows.js';
import { changeOnce } from '../connection/once.js';
import { openRuns, workersSince } from './schedule-store.js';
import { sql } from '../sql.js';
import { startRuns } from '../client/starts.js';
import { laneOf, type Lender, type Query, readsOf } from '../connection/transaction.js';

export interface ScheduleQuery {
  readonly name?: string;
  readonly enabled?: boolean | null;
  readonly workflow?: string | null;
  readonly queue?: string | null;
  readonly limit?: number;
  readonly offset?: number;
}

type ReadRow = ScheduleRow & { readonly workflow_queue: string | null; readonly now: Date };

/** No worker's number: all count. */
const NOBODY = 0;

/** A schedule whose row is locked. */
interface LockedSchedule {
  readonly state: ScheduleState;
  /** ms of database time */
  readonly now: number;
  readonly isReadable: boolean;
}

/** A schedule as it was read. */
export interface FoundSchedule {
  /** As it may be shown. */
  readonly schedule: StoredSchedule;
  /** As it is. */
  readonly state: ScheduleState;
  /** ms of database time */
  readonly now: number;
}

/**
 * Changes and reads of schedules, by the code and by clients. A change locks the row, makes the new state of the old one and
 * writes it; where a connection breaks it is tried again until its outcome is known.
 */
export class PgSchedules {
  private readonly reads: Query;

  constructor(
    private readonly pool: Lender,
    private readonly schema: string,
    /** Redaction of the schedules that are read. */
    private readonly redact: Redaction = NO_REDACTION,
  ) {
    this.reads = readsOf(pool);
  }

  /**
   * In a transaction: the schedules of a workflow are those that its code has, and others that it had are taken out of
   * service.
   * @param keeps whether one of another workflow stays that workflow's
   * @returns whether something changed, and what stayed another's
   */
  async put(
    query: Query,
    workflow: string,
    declarations: readonly ScheduleDeclaration[],
    keeps: (found: ScheduleState) => boolean,
  ): Promise<{ changed: boolean; left: ScheduleState[] }> {
    const left: ScheduleState[] = [];
    let changed = false;
    const names = declarations.map(({ name }) => name);
    // In one statement: all processes that boot wait for this one, and at most boots nothing has changed.
    const locked = await this.lockAll(query, names, stateToDeclare);
    for (const declaration of declarations) {
      const found = locked.get(declaration.name) ?? null;
      if (found === null && (await this.insert(query, declaration, { id: uuidv7(), fromCode: true }))) {
        changed = true;
        continue;
      }
      // A client was first, at this moment.
      const other = found ?? (await this.lock(query, declaration.name, stateToDeclare));
      if (other === null) continue;
      if (other.state.workflow !== workflow && keeps(other.state)) left.push(other.state);
      else {
        const { state, now, isReadable } = other;
        const since = isJustDue(state, now) ? await workersSince(query, this.schema, NOBODY, state.workflow) : null;
        if (await this.replace(query, isReadable ? state : null, declared(state, declaration, now, since)))
          changed = true;
      }
    }
    for (const { name } of await query<{ name: string }>(sql('undeclared-schedules', this.schema), [workflow, names])) {
      const found = await this.lock(query, name, stateToDeclare);
      // Meanwhile a client's.
      if (found === null || !found.state.fromCode || found.state.workflow !== workflow) continue;
      if (await this.replace(query, found.state, removed(found.state, found.now))) changed = true;
    }
    return { changed, left };
  }

  /** @throws ScheduleExistsError, InvalidCronError */
  async create(declaration: ScheduleDeclaration): Promise<void> {
    await this.once(declaration.name, async (query) => {
      const stored = await this.insert(query, declaration, { id: uuidv7(), fromCode: false });
      if (!stored) throw new ScheduleExistsError(declaration.name);
    });
  }

  /** @throws ScheduleNotFoundError, and what `change` throws */
  async change(name: string, change: (state: ScheduleState, now: number) => ScheduleState): Promise<void> {
    await this.once(name, async (query) => {
      const { state, now } = (await this.lock(query, name)) ?? (await this.notFound(name, query));
      await this.write(query, change(state, now));
    });
  }

  /** @throws ScheduleNotFoundError */
  async delete(name: string): Promise<void> {
    await this.once(name, async (query) => {
      const rows = await query(sql('delete-schedule', this.schema), [name]);
      if (rows.length === 0) await this.notFound(name, query);
    });
  }

  /** Starts a run of the schedule beside its times. @throws ScheduleNotFoundError */
  async trigger(name: string, run: NewRun): Promise<void> {
    await this.once(name, async (query) => {
      const { state, now } = (await this.lock(query, name)) ?? (await this.notFound(name, query));
      await startRuns(query, this.schema, [run]);
      const { open } = await openRuns(query, this.schema, state);
      await this.write(query, triggered(state, run.id, open, now));
    });
  }

  /** As it may be shown, whatever of it cannot be read. Null: there is none of that name. */
  async get(name: string): Promise<StoredSchedule | null> {
    const [schedule] = await this.list({ name });
    return schedule ?? null;
  }

  /** Null: there is none of that name. @throws Error where what its code declares cannot be read */
  async find(name: string): Promise<FoundSchedule | null> {
    const [row] = await this.read({ name });
    if (row === undefined) return null;
    return { schedule: toSchedule(row, this.redact), state: toState(row), now: row.now.getTime() };
  }

  /** By name. */
  async list(filters: ScheduleQuery): Promise<StoredSchedule[]> {
    return (await this.read(filters)).map((row) => toSchedule(row, this.redact));
  }

  /** @throws ScheduleNotFoundError */
  async notFound(name: string, query = this.reads): Promise<never> {
    const known = await query<{ name: string }>(sql('schedule-names', this.schema), []);
    throw new ScheduleNotFoundError(
      name,
      known.map((row) => row.name),
    );
  }

  private once(name: string, work: (query: Query) => Promise<void>): Promise<void> {
    return changeOnce(laneOf(this.pool), this.schema, work, `schedule "${name}"`);
  }

  private async insert(
    query: Query,
    declaration: ScheduleDeclaration,
    origin: { id: string; fromCode: boolean },
  ): Promise<boolean> {
    const [clock] = await query<{ now: Date }>(sql('clock', this.schema), []);
    const state = newSchedule(declaration, { ...origin, now: clock?.now.getTime() ?? NaN });
    return (await query(sql('insert-schedule', this.schema), [rowJson(state)])).length > 0;
  }

  private async lock(query: Query, name: string, read = toState): Promise<LockedSchedule | null> {
    return (await this.lockAll(query, [name], read)).get(name) ?? null;
  }

  private async lockAll(
    query: Query,
    names: readonly string[],
    read: (row: ScheduleRow) => ScheduleState,
  ): Promise<Map<string, LockedSchedule>> {
    const rows = await query<ScheduleRow & { now: Date }>(sql('lock-schedules', this.schema), [names]);
    return new Map(
      rows.map((row) => [
        row.name,
        { state: read(row), now: row.now.getTime(), isReadable: typeof readState(row) !== 'string' },
      ]),
    );
  }

  private async write(query: Query, state: ScheduleState): Promise<void> {
    await query(sql('write-schedule', this.schema), [`[${rowJson(state)}]`]);
  }

  /** False: there was nothing to write. @param before null: it is no state that could stay */
  private async replace(query: Query, before: ScheduleState | null, after: ScheduleState): Promise<boolean> {
    if (before !== null && rowJson(before) === rowJson(after)) return false;
    await this.write(query, after);
    return true;
  }

  private read({
    name,
    enabled = null,
    workflow = null,
    queue = null,
    limit = 1,
    offset = 0,
  }: ScheduleQuery): Promise<ReadRow[]> {
    const values = [name ?? null, enabled, workflow, queue, limit, offset];
    return this.reads<ReadRow>(sql('list-schedules', this.schema), values);
  }
}
