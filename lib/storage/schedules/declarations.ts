import { createHash } from 'node:crypto';
import { DefinitionError } from '../../core/errors/errors.js';
import type { ScheduleDeclaration } from '../../core/time/schedule.js';
import type { DeclarationStore, Followed, QueueLimits } from '../../engine/ports/store.js';
import { limitsRow } from './queue-limits.js';
import type { PgSchedules } from './schedules.js';
import { sql } from '../sql.js';
import { laneOf, type Lender, type Query, readsOf, transaction } from '../connection/transaction.js';

/** What the code of a workflow has beside its definition. */
export interface WorkflowDeclaration {
  readonly workflow: string;
  readonly definitionId: number;
  /** May be none. */
  readonly schedules: readonly ScheduleDeclaration[];
  /** JSON Schema of its input; null: it has none. */
  readonly inputSchema: object | null;
}

interface Declaration {
  readonly kind: 'schedules' | 'queue';
  readonly subject: string;
  readonly definition_id: number;
  readonly body: string;
}

interface LatestRow {
  readonly id: number;
  readonly kind: Declaration['kind'];
  readonly subject: string;
  readonly in_force: boolean;
  readonly body: string | null;
}

type StoredSchedule = Omit<ScheduleDeclaration, 'workflow'>;

/** Body of a declaration of the kind 'schedules'. */
interface StoredBody {
  readonly schedules: readonly StoredSchedule[];
  readonly inputSchema: object | null;
}

/**
 * Declarations of processes, in PostgreSQL. They are put in force by one process at a time: it locks, then looks which are
 * the latest that living workers have, and writes them to the schedules, the definitions' schemas and the queues' settings.
 */
export class PgDeclarations implements DeclarationStore {
  constructor(
    private readonly pool: Lender,
    private readonly schema: string,
    private readonly schedules: PgSchedules,
  ) {}

  /**
   * Stores what the code of a process declares. It is put in force at once where no living worker has the workflow, or has
   * the same; else when the process is among the workers, if it is the latest then.
   * @returns the numbers of the declarations
   * @throws DefinitionError where the name of a schedule is another workflow's
   */
  declareSchedules(workflows: readonly WorkflowDeclaration[]): Promise<number[]> {
    return this.alone(async (query) => {
      const ids = await this.save(query, workflows.map(ofSchedules));
      await this.refuseTaken(query, ids);
      await this.putInForce(query, await this.latest(query, ids, { living: false, bodies: true }), ids);
      return ids;
    });
  }

  declareQueues(definition: number, queues: readonly QueueLimits[]): Promise<number[]> {
    return transaction(laneOf(this.pool), (query) =>
      this.save(
        query,
        queues.map((limits) => ({
          kind: 'queue',
          subject: limits.queue,
          definition_id: definition,
          body: JSON.stringify(limitsRow(limits)),
        })),
      ),
    );
  }

  async follow(): Promise<Followed> {
    const found = await this.latest(readsOf(this.pool), [], { living: true, bodies: false });
    if (found.every((one) => one.in_force)) return { schedules: false, queues: [], refused: [] };
    return this.alone(async (query) =>
      this.putInForce(query, await this.latest(query, [], { living: true, bodies: true }), []),
    );
  }

  /** One process at a time: locked in one statement, looked at in the next. */
  private alone<T>(work: (query: Query) => Promise<T>): Promise<T> {
    const locked = async (query: Query): Promise<T> => {
      await query(sql('lock-declarations', this.schema), []);
      return work(query);
    };
    return transaction(laneOf(this.pool), locked, 'what processes declare');
  }

  private async save(query: Query, declarations: readonly Declaration[]): Promise<number[]> {
    const rows = declarations.map((one) => ({ ...one, hash: createHash('sha256').update(one.body).digest('hex') }));
    rows.sort((a, b) => (a.subject < b.subject ? -1 : 1));
    return (await query<{ id: number }>(sql('save-declarations', this.schema), [JSON.stringify(rows)])).map(
      ({ id }) => id,
    );
  }

  private latest(
    query: Query,
    own: readonly number[],
    { living, bodies }: { living: boolean; bodies: boolean },
  ): Promise<LatestRow[]> {
    return query(sql('latest-declarations', this.schema), [own, living, bodies]);
  }

  /** Names that would be taken from another workflow were the process at work. */
  private async refuseTaken(query: Query, own: readonly number[]): Promise<void> {
    const rows = await this.latest(query, own, { living: true, bodies: true });
    const owners = ownersOf(rows);
    const mine = rows.filter(({ id }) => own.includes(id)).flatMap(schedulesOf);
    const names = mine.map(({ name }) => name);
    const made = await query<{ name: string; workflow: string }>(sql('clients-schedules', this.schema), [names]);
    const faults = mine.flatMap(({ name, workflow }) => {
      const others = [...(owners.get(name) ?? [])].filter((one) => one !== workflow);
      const clients = made.filter((one) => one.name === name && one.workflow !== workflow);
      return [
        ...others.map((other) => takenByCode(name, workflow, other)),
        ...clients.map((one) => takenByClient(name, workflow, one.workflow)),
      ];
    });
    if (faults.length > 0) throw new DefinitionError(faults.join('\n'));
  }

  /** Of the latest declarations those that are not in force, and those of `own` in any case. */
  private async putInForce(query: Query, latest: readonly LatestRow[], own: readonly number[]): Promise<Followed> {
    const rows = latest.filter(({ id, in_force }) => !in_force || own.includes(id));
    const owners = ownersOf(latest);
    const refused: string[] = [];
    const done: number[] = [];
    let changed = false;
    for (const row of rows.filter(({ kind }) => kind === 'schedules')) {
      const { changed: some, left } = await this.schedules.put(
        query,
        row.subject,
        schedulesOf(row),
        ({ name, workflow, fromCode }) => !fromCode || owners.get(name)?.has(workflow) === true,
      );
      changed ||= some;
      refused.push(
        ...left.map(({ name, workflow, fromCode }) =>
          (fromCode ? takenByCode : takenByClient)(name, row.subject, workflow),
        ),
      );
      if (left.length === 0) done.push(row.id);
    }
    const limits = rows.filter(({ kind }) => kind === 'queue');
    const saved = await query<{ queue: string }>(sql('save-queue-limits', this.schema), [
      `[${limits.map(({ body }) => body).join(',')}]`,
    ]);
    done.push(...limits.map(({ id }) => id));
    await query(sql('release-declarations', this.schema), [done]);
    await query(sql('put-in-force', this.schema), [
      done,
      done.map((id) => schemaOf(rows.find((row) => row.id === id))),
    ]);
    await query(sql('forget-declarations', this.schema), []);
    return { schedules: changed, queues: saved.map(({ queue }) => queue), refused };
  }
}

function ofSchedules({ workflow, definitionId, schedules, inputSchema }: WorkflowDeclaration): Declaration {
  const list = schedules.map(({ name, enabled, settings }): StoredSchedule => ({ name, enabled, settings }));
  list.sort((a, b) => (a.name < b.name ? -1 : 1));
  const body: StoredBody = { schedules: list, inputSchema };
  return { kind: 'schedules', subject: workflow, definition_id: definitionId, body: JSON.stringify(body) };
}

function schedulesOf({ kind, subject, body }: LatestRow): ScheduleDeclaration[] {
  if (kind !== 'schedules' || body === null) return [];
  return (JSON.parse(body) as StoredBody).schedules.map(({ name, enabled, settings }) => ({
    name,
    workflow: subject,
    enabled,
    settings,
  }));
}

/** JSON of the schema of a workflow's input; null: it has none, or the declaration is a queue's. */
function schemaOf(row: LatestRow | undefined): string | null {
  if (row === undefined || row.kind !== 'schedules' || row.body === null) return null;
  const { inputSchema } = JSON.parse(row.body) as StoredBody;
  return inputSchema === null ? null : JSON.stringify(inputSchema);
}

/** The workflows that declare a schedule of a name. */
function ownersOf(rows: readonly LatestRow[]): Map<string, Set<string>> {
  const owners = new Map<string, Set<string>>();
  for (const { name, workflow } of rows.flatMap(schedulesOf)) {
    owners.set(name, (owners.get(name) ?? new Set()).add(workflow));
  }
  return owners;
}

function takenByCode(name: string, workflow: string, other: string): string {
  return (
    `Schedule "${name}" of workflow "${workflow}": a process that lives declares a schedule of this name for workflow ` +
    `"${other}". Set \`name\` in one of the two @Schedule()s. (Where "${other}" was renamed to "${workflow}", rename the ` +
    'schedule with it, or stop the processes that have the old name first.)'
  );
}

function takenByClient(name: string, workflow: string, other: string): string {
  return (
    `Schedule "${name}" of workflow "${workflow}": schedule() has made one of this name for workflow "${other}". ` +
    'Set another `name` in the @Schedule(), or delete that one with deleteSchedule().'
  );
}
