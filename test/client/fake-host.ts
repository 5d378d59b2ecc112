import { newRun } from '../../lib/core/run/new-run.js';
import type { WorkflowDefinition } from '../../lib/core/definition/definition.js';
import { DatabaseUnavailableError } from '../../lib/core/errors/errors.js';
import type { FinishedStatus } from '../../lib/core/run/status.js';
import { BootContext } from '../../lib/engine/ports/boot-context.js';
import { EventHub } from '../../lib/events/hub.js';
import type { DurableHost, DurableRuntime } from '../../lib/lifecycle/host.js';
import { InstanceStorage } from '../../lib/lifecycle/storage.js';
import { resolveOptions } from '../../lib/options/module.js';
import { EndedRuns, type EndListener } from '../../lib/engine/worker/ended-runs.js';
import type { Engine } from '../../lib/engine/engine.js';
import { Registry, type RegisteredWorkflow } from '../../lib/engine/ports/registry.js';
import type { EndedTree, StartOp, Wake, WokenRun } from '../../lib/engine/ports/store.js';
import { PgControl } from '../../lib/storage/client/control.js';
import type { Lender } from '../../lib/storage/connection/transaction.js';
import { Rows } from '../storage/rows.js';
import { aroundPool } from '../support/lender.js';

/** What the client asks of an engine, with nothing behind it that runs: tests end the runs themselves. */
export class FakeEngine {
  readonly ended = new EndedRuns();
  readonly local = new Set<string>();
  readonly told: string[] = [];
  readonly starts: StartOp[] = [];
  /** Resolves when claims under way are back; null: there are none. */
  claims: () => Promise<unknown> | null = () => null;

  constructor(private readonly control: PgControl) {}

  async startRun(op: StartOp): Promise<void> {
    this.starts.push(op);
    await this.control.startMany([newRun(op)]);
  }

  isLocal(id: string): boolean {
    return this.local.has(id);
  }

  claimsBack(): Promise<unknown> | null {
    return this.claims();
  }

  onEnded(id: string, listener: EndListener): () => void {
    return this.ended.listen(id, listener);
  }

  notifyWork(queues: readonly string[]): void {
    this.told.push(...queues);
  }

  workLater(queues: readonly string[]): void {
    this.told.push(...queues.map((queue) => `later ${queue}`));
  }

  async wake(send: (hold: null) => Promise<Wake>): Promise<void> {
    this.woken((await send(null)).woken);
  }

  woken(runs: readonly WokenRun[]): void {
    this.told.push(...runs.map((run) => `woken ${run.runId}`));
  }

  async endedTree({ ended, undoing, woken }: EndedTree): Promise<void> {
    this.told.push(...ended.map((run) => `ended ${run.id}`), ...undoing.map((run) => `undo ${run.id}`));
    for (const run of ended) this.ended.tell(run.id, null);
    this.woken(woken);
  }

  inFlight(): [] {
    return [];
  }

  async sweep(): Promise<void> {
    this.told.push('sweep');
  }
}

/** A booted instance with real tables and an engine that runs nothing. */
export class FakeHost implements DurableHost {
  readonly name = 'default';
  readonly options;
  readonly registry = new Registry();
  readonly statements: string[] = [];
  /** Called before each statement: may refuse it. */
  beforeEach: () => void = () => {};
  readonly pool: Lender;
  closed = false;

  private constructor(
    readonly rows: Rows,
    readonly engine: FakeEngine,
  ) {
    this.options = resolveOptions({ database: { url: rows.url }, maxPayloadBytes: 10_000 });
    this.pool = aroundPool(rows.pool, async (text, send) => {
      this.statements.push(text);
      this.beforeEach();
      return send();
    });
  }

  static async open(): Promise<FakeHost> {
    const rows = await Rows.open();
    const { pool, instanceId } = rows;
    return new FakeHost(rows, new FakeEngine(new PgControl({ pool, schema: 'durable', instanceId, hint: null })));
  }

  async ready(): Promise<DurableRuntime> {
    if (this.closed) throw new DatabaseUnavailableError('The durable module "default" is shut down.');
    const { pool, rows } = this;
    const { instanceId } = rows;
    const { redact } = this.options;
    const hints = { hint: null, unmatchedHint: null };
    const engine = this.engine as unknown as Engine;
    const parts = { pool, schema: 'durable', instanceId, redact, ...hints, engine: () => engine };
    const storage = new InstanceStorage(parts);
    return {
      engine,
      launched: () => {},
      deps: {} as DurableRuntime['deps'],
      events: new EventHub({
        reads: storage.events,
        remote: null,
        redact,
        context: new BootContext(),
        warn: () => {},
      }),
      registry: this.registry,
      store: { lastCommitAge: null },
      schedules: [],
      storage,
      readers: () => pool,
      replica: null,
      schema: 'durable',
      appDataSource: null,
      listening: () => false,
    };
  }

  add(type: unknown, definition: Partial<WorkflowDefinition>, rest: Partial<RegisteredWorkflow> = {}): void {
    this.registry.add({
      type,
      definition: { name: 'order', queue: 'default', priority: 0, timeout: null, ...definition } as WorkflowDefinition,
      definitionId: this.rows.definitionId,
      instance: {},
      retryIf: new Map(),
      concurrencyKey: null,
      validateInput: null,
      ...rest,
    });
  }

  /** Ends a run in the tables, as a worker elsewhere would. */
  async end(id: string, status: FinishedStatus, output: string, error: string | null = null): Promise<void> {
    await this.rows.record(id, 1, { output });
    await this.rows.pool.query(
      `WITH gone AS (DELETE FROM durable.workflow_queue WHERE id = $1)
       UPDATE durable.workflow_executions SET status = $2, error = $3, data_seq = 1, completed_at = now() WHERE id = $1`,
      [id, status, error],
    );
  }

  async close(): Promise<void> {
    this.closed = true;
    await this.rows.close();
  }
}
