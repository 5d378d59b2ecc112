import type { InFlight } from '../core/run/execution.js';
import type { Redaction } from '../core/redact/redact.js';
import type { HintConnection } from './hints.js';
import type { WokenRun } from '../engine/ports/store.js';
import { PgAudit } from '../storage/client/audit.js';
import { PgBulkActs } from '../storage/client/bulk-acts.js';
import { PgControl } from '../storage/client/control.js';
import { PgQueueControl } from '../storage/client/queue-control.js';
import { PgRetention } from '../storage/client/retention.js';
import { PgWaits } from '../storage/client/waits.js';
import { type Lender, type Query, readsOf } from '../storage/connection/transaction.js';
import { type DoctorReport, examine } from '../storage/reads/doctor.js';
import { PgEventReads } from '../storage/reads/event-reads.js';
import { PgHealthReads } from '../storage/reads/health-reads.js';
import { PgHistoryReads } from '../storage/reads/history-reads.js';
import { PgJournalReads } from '../storage/reads/journal-reads.js';
import { PgLogReads } from '../storage/reads/log-reads.js';
import { PgPeopleReads } from '../storage/reads/people-reads.js';
import { PgReads } from '../storage/reads/reads.js';
import { PgRunStats } from '../storage/reads/run-stats.js';
import { PgStandingReads } from '../storage/reads/standing-reads.js';
import { PgStepReads } from '../storage/reads/step-reads.js';
import { PgWaitReads } from '../storage/reads/wait-reads.js';
import { PgSchedules } from '../storage/schedules/schedules.js';

export interface StorageParts extends Pick<HintConnection, 'hint' | 'unmatchedHint'> {
  readonly pool: Lender;
  readonly schema: string;
  /** Id of the set of tables: `manager`s of other databases are refused. */
  readonly instanceId: string;
  /** Redaction of what is read for people. */
  readonly redact: Redaction;
  /** The engine, which is there once something is asked of it. */
  readonly engine: () => {
    inFlight(runId?: string): readonly InFlight[];
    readonly workerId: number;
    woken(runs: readonly WokenRun[]): void;
  };
}

/** The tables of one instance as its client, queues, health and dashboard change and read them: each way is made once. */
export class InstanceStorage {
  readonly control: PgControl;
  readonly waits: PgWaits;
  readonly schedules: PgSchedules;
  readonly queues: PgQueueControl;
  readonly retention: PgRetention;
  readonly audit: PgAudit;
  readonly bulk: PgBulkActs;
  readonly stats: PgRunStats;
  readonly health: PgHealthReads;
  readonly reads: PgReads;
  readonly standing: PgStandingReads;
  readonly steps: PgStepReads;
  readonly journal: PgJournalReads;
  readonly waitReads: PgWaitReads;
  readonly events: PgEventReads;
  readonly logs: PgLogReads;
  readonly history: PgHistoryReads;
  readonly people: PgPeopleReads;
  private readonly query: Query;

  /** @param pool the sessions; default: those of the work. Acts are audited, and those on many runs kept, on those of the work in any case */
  constructor(
    private readonly parts: StorageParts,
    pool: Lender = parts.pool,
  ) {
    const { schema, instanceId, hint, unmatchedHint, redact, engine } = parts;
    this.control = new PgControl({ pool, schema, instanceId, hint });
    const onHidden = (run: WokenRun): void => engine().woken([run]);
    this.waits = new PgWaits({ pool, schema, instanceId, unmatchedHint, onHidden });
    this.schedules = new PgSchedules(pool, schema, redact);
    this.queues = new PgQueueControl(pool, schema);
    this.retention = new PgRetention(pool, schema);
    this.audit = new PgAudit(parts.pool, schema, pool);
    this.bulk = new PgBulkActs(parts.pool, schema);
    this.stats = new PgRunStats(pool, schema);
    this.health = new PgHealthReads(pool, schema);
    this.events = new PgEventReads(pool, schema, redact);
    const query = readsOf(pool);
    this.query = query;
    const reads = new PgReads({
      query,
      schema,
      redact,
      inFlight: (runId) => engine().inFlight(runId),
      workerId: () => engine().workerId,
    });
    const people = new PgPeopleReads(query, schema, redact);
    this.reads = reads;
    this.people = people;
    this.standing = new PgStandingReads({ query, schema, redact, inFlight: (ids) => reads.attemptsOf(ids) });
    this.steps = new PgStepReads({
      query,
      schema,
      redact,
      inFlight: (id) => reads.attemptsOf([id]),
      definition: async (id) => (await people.definition(id))?.graph ?? null,
    });
    this.journal = new PgJournalReads({ query, schema, redact, steps: this.steps });
    this.waitReads = new PgWaitReads({ query, schema, redact });
    this.logs = new PgLogReads({ query, schema, redact });
    this.history = new PgHistoryReads({ query, schema, redact });
  }

  /** The same tables by way of other sessions. */
  on(pool: Lender): InstanceStorage {
    return new InstanceStorage(this.parts, pool);
  }

  /** @param notified whether notifications arrive; null: they are switched off */
  examine(notified: boolean | null): Promise<DoctorReport> {
    return examine({ query: this.query, schema: this.parts.schema, notified });
  }
}
