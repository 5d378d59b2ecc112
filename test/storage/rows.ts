import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { DataSource } from 'typeorm';
import type { WorkflowDefinition } from '../../lib/core/definition/definition.js';
import { uuidv7 } from '../../lib/core/uuid.js';
import { createTestDatabase } from '../support/database.js';

/** A migrated database with a pool and a DataSource on it, and rows written as the engine would. */
export class Rows {
  private constructor(
    readonly pool: pg.Pool,
    readonly dataSource: DataSource,
    readonly url: string,
    readonly instanceId: string,
    readonly definitionId: number,
  ) {}

  static async open(): Promise<Rows> {
    const { url } = await createTestDatabase({ breaksRows: true });
    const pool = new pg.Pool({ connectionString: url, max: 60 });
    const dataSource = await new DataSource({ type: 'postgres', url, installExtensions: false }).initialize();
    const { rows } = await pool.query<{ id: string }>('SELECT id FROM durable.instance');
    const definitionId = await addDefinition(pool, 'order', 1);
    return new Rows(pool, dataSource, url, rows[0]?.id ?? '', definitionId);
  }

  async close(): Promise<void> {
    await this.dataSource.destroy();
    await this.pool.end();
  }

  addDefinition(name: string, version: number): Promise<number> {
    return addDefinition(this.pool, name, version);
  }

  /** A run in history; finished where `status` is given. Returns its id. */
  async run(columns: Record<string, unknown> = {}): Promise<string> {
    const finished = columns['status'] !== undefined && columns['status'] !== 'active';
    const row = {
      id: uuidv7(),
      created_at: new Date(),
      updated_at: new Date(),
      completed_at: finished ? new Date() : null,
      definition_id: this.definitionId,
      priority: 0,
      workflow: 'order',
      queue: 'default',
      input: '{"n":1}',
      ...columns,
    };
    await insert(this.pool, 'workflow_executions', row);
    return row.id;
  }

  /** A run that has not ended, with what its row in the queue says. Returns its id. */
  async open(queue: Record<string, unknown>, run: Record<string, unknown> = {}): Promise<string> {
    // What the two rows have in common.
    const common = { created_at: new Date(), queue: 'default', definition_id: this.definitionId };
    for (const key of Object.keys(common)) if (run[key] !== undefined) Object.assign(common, { [key]: run[key] });
    const id = await this.run({ ...common, ...run });
    await this.queued({ id, ...common, ...queue });
    return id;
  }

  /** A row in the queue: a run's own, or with `step_of` that of a step on another queue. */
  async queued(columns: Record<string, unknown>): Promise<string> {
    const row = {
      id: randomUUID(),
      due_at: new Date(),
      definition_id: this.definitionId,
      priority: 0,
      state: 'ready',
      queue: 'default',
      ...columns,
    };
    await insert(this.pool, 'workflow_queue', row);
    return row.id;
  }

  async record(runId: string, seq: number, columns: Record<string, unknown> = {}): Promise<void> {
    await insert(this.pool, 'step_executions', {
      run_id: runId,
      seq,
      input_seq: 0,
      completed_at: new Date(),
      token: 1,
      round: 1,
      visit: 1,
      attempt: 1,
      duration_ms: 5,
      type: 'step',
      status: 'completed',
      path: 'charge',
      ...columns,
    });
  }

  /** A wait of a run's step "ask"; open unless `state` says otherwise. Returns its id. */
  async wait(runId: string, columns: Record<string, unknown>): Promise<string> {
    const id = uuidv7();
    const isOpen = (columns['state'] ?? 'open') === 'open';
    await insert(this.pool, 'waits', {
      run_id: runId,
      id,
      created_at: new Date(),
      closed_at: isOpen ? null : new Date(),
      ended: isOpen ? null : 1,
      input_seq: 0,
      type: 'step',
      round: 1,
      visit: 1,
      attempt: 1,
      path: 'ask',
      key: `${String(columns['kind'])}:x:1`,
      ...columns,
    });
    return id;
  }

  async worker(columns: Record<string, unknown> = {}): Promise<number> {
    const { rows } = await insert(this.pool, 'workers', {
      host: 'here',
      pid: 1,
      version: '0',
      queues: ['default'],
      definitions: [this.definitionId],
      expires_at: new Date(Date.now() + 60_000),
      ...columns,
    });
    return rows[0]?.['id'] as number;
  }

  async one(table: string, id: string): Promise<Record<string, unknown> | undefined> {
    return (await this.pool.query(`SELECT * FROM durable.${table} WHERE id = $1`, [id])).rows[0];
  }

  async count(table: string): Promise<number> {
    return (await this.pool.query(`SELECT count(*)::int AS n FROM durable.${table}`)).rows[0].n;
  }
}

async function addDefinition(pool: pg.Pool, name: string, version: number): Promise<number> {
  const definition: Partial<WorkflowDefinition> = {
    name,
    description: `all about ${name}`,
    queue: 'default',
    priority: 0,
    timeout: null,
    nodes: [],
    compensations: [],
  };
  const { rows } = await insert(pool, 'workflow_definitions', {
    name,
    version,
    hash: `${name}-${version}`,
    definition: JSON.stringify(definition),
  });
  return rows[0]?.['id'] as number;
}

function insert(pool: pg.Pool, table: string, row: Record<string, unknown>): Promise<pg.QueryResult> {
  const columns = Object.keys(row);
  const values = columns.map((_, at) => `$${at + 1}`);
  return pool.query(
    `INSERT INTO durable.${table} (${columns.join(', ')}) VALUES (${values.join(', ')}) RETURNING *`,
    Object.values(row),
  );
}
