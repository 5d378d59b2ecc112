import type { NewRun } from '../../core/run/new-run.js';
import { isDeepStrictEqual } from 'node:util';
import { decode } from '../../core/codec/codec.js';
import { ExecutionExistsError, IdempotencyConflictError } from '../../core/errors/errors.js';
import { sql } from '../sql.js';
import { startsJson } from '../starts-json.js';
import type { Query } from '../connection/transaction.js';

/** True for a start with a delay or a due time. */
export function isDelayed(run: Pick<NewRun, 'delayMs' | 'scheduledAt'>): boolean {
  return run.delayMs > 0 || run.scheduledAt !== null;
}

export interface StartedRun {
  readonly id: string;
  /** False: the idempotency key was used before, this is the run it belongs to. */
  readonly created: boolean;
}

interface ExistingRun {
  readonly id: string;
  readonly workflow: string;
  readonly idempotency_key: string | null;
  readonly input: string;
}

/** Runs in one statement: 1000 rows of 1 kB are a message of 1 MB. */
const CHUNK = 1_000;
/** A run in the way was deleted before it could be looked at: the next try inserts. */
const TRIES = 5;

/**
 * Inserts the runs, or finds those that their idempotency keys belong to; gives them in order.
 *
 * @throws ExecutionExistsError, IdempotencyConflictError; `query` must then be rolled back where there are several runs
 */
export async function startRuns(query: Query, schema: string, runs: readonly NewRun[]): Promise<StartedRun[]> {
  const started = new Map<NewRun, StartedRun>();
  let open = runs;
  for (let tries = 0; open.length > 0; tries++) {
    // Two callers that insert the same keys must do so in the same order, or each waits for the other.
    const leaders = firstOfEach(open).toSorted(byKey);
    for (let at = 0; at < leaders.length; at += CHUNK) {
      const chunk = leaders.slice(at, at + CHUNK);
      const rows = await query<{ id: string }>(sql('start-runs', schema), [startsJson(chunk)]);
      const inserted = new Set(rows.map((row) => row.id));
      for (const run of chunk) if (inserted.has(run.id)) started.set(run, { id: run.id, created: true });
    }
    open = open.filter((run) => !started.has(run));
    for (const [run, id] of await existing(query, schema, open)) started.set(run, { id, created: false });
    open = open.filter((run) => !started.has(run));
    const stuck = open[0];
    if (stuck !== undefined && tries + 1 >= TRIES) throw new ExecutionExistsError(stuck.id);
  }
  return runs.map((run) => started.get(run) ?? { id: run.id, created: false });
}

/** True for runs without keys, as many as one statement takes. */
export function isOneStatement(runs: readonly NewRun[]): boolean {
  return runs.length <= CHUNK && runs.every((run) => run.idempotencyKey === null);
}

/**
 * Inserts such runs, whose ids were made up here, in one statement: nobody else makes them, so where an earlier try may have
 * been committed (`again`), what is in the way is theirs.
 */
export async function startFresh(
  query: Query,
  schema: string,
  runs: readonly NewRun[],
  again: boolean,
): Promise<StartedRun[]> {
  const rows = await query<{ id: string }>(sql('start-runs', schema), [startsJson(runs)]);
  if (rows.length < runs.length && !again) {
    const inserted = new Set(rows.map(({ id }) => id));
    const taken = runs.find(({ id }) => !inserted.has(id));
    if (taken !== undefined) throw new ExecutionExistsError(taken.id);
  }
  return runs.map(({ id }) => ({ id, created: true }));
}

/** The runs without those that come to a key for the second time. An id for the second time is an error. */
function firstOfEach(runs: readonly NewRun[]): NewRun[] {
  const keys = new Set<string>();
  const ids = new Set<string>();
  return runs.filter((run) => {
    if (run.idempotencyKey !== null) {
      const key = keyOf(run.workflow, run.idempotencyKey);
      if (keys.has(key)) return false;
      keys.add(key);
    }
    if (ids.has(run.id)) throw new ExecutionExistsError(run.id);
    ids.add(run.id);
    return true;
  });
}

async function existing(query: Query, schema: string, runs: readonly NewRun[]): Promise<Map<NewRun, string>> {
  const found = new Map<NewRun, string>();
  const keyed = runs.flatMap((run) =>
    run.idempotencyKey === null ? [] : [{ run, workflow: run.workflow, key: run.idempotencyKey }],
  );
  if (keyed.length > 0) {
    const workflows = keyed.map((one) => one.workflow);
    const keys = keyed.map((one) => one.key);
    const rows = await query<ExistingRun>(sql('taken-keys', schema), [workflows, keys]);
    const byName = new Map(rows.map((row) => [keyOf(row.workflow, row.idempotency_key ?? ''), row]));
    for (const { run, workflow, key } of keyed) {
      const row = byName.get(keyOf(workflow, key));
      if (row === undefined) continue;
      if (!sameInput(row.input, run.input)) throw new IdempotencyConflictError(workflow, key, row.id);
      found.set(run, row.id);
    }
  }
  const others = runs.filter((run) => !found.has(run));
  if (others.length === 0) return found;
  const rows = await query<ExistingRun>(sql('taken-ids', schema), [others.map((run) => run.id)]);
  const [taken] = rows;
  if (taken !== undefined) throw new ExecutionExistsError(taken.id);
  return found;
}

/** By value, so that the order of keys does not matter. */
function sameInput(a: string, b: string): boolean {
  return a === b || isDeepStrictEqual(decode(a), decode(b));
}

/** A workflow's name holds no control character. */
function keyOf(workflow: string, key: string): string {
  return `${workflow}\n${key}`;
}

function byKey(a: NewRun, b: NewRun): number {
  const [x, y] = [a.idempotencyKey ?? '', b.idempotencyKey ?? ''];
  if (x !== y) return x < y ? -1 : 1;
  if (a.workflow !== b.workflow) return a.workflow < b.workflow ? -1 : 1;
  return a.id < b.id ? -1 : 1;
}
