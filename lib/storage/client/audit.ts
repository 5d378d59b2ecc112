import { storable } from '../../core/limits.js';
import { uuidv7 } from '../../core/uuid.js';
import { type Lender, type Query, queryOf, readsOf, withReconnect } from '../connection/transaction.js';
import { sql } from '../sql.js';

/** An act of somebody's, as it is kept. No payloads. */
export interface AuditEntry {
  /** Null: nobody says. */
  readonly actor: string | null;
  /** Such as `run.cancel`. */
  readonly action: string;
  readonly targetKind: 'run' | 'workflow' | 'schedule' | 'queue' | null;
  readonly targetId: string | null;
  readonly outcome: 'done' | 'refused' | 'failed';
  /** Of the error, where it was refused or failed. */
  readonly code: string | null;
  /** Reason, names, settings before and after. */
  readonly details: Readonly<Record<string, unknown>>;
  readonly ip: string | null;
}

export interface AuditRow extends AuditEntry {
  readonly id: string;
  readonly at: Date;
}

/** Filters of acts; all that is given must fit. */
export interface AuditFilters {
  readonly actor?: string | null;
  readonly action?: string | null;
  /** Id or name. */
  readonly target?: string | null;
  readonly since?: Date | null;
  readonly until?: Date | null;
  /** Id of an act: those before it. */
  readonly before?: string | null;
  readonly limit: number;
}

interface Row {
  readonly id: string;
  readonly at: Date;
  readonly actor: string | null;
  readonly action: string;
  readonly target_kind: AuditEntry['targetKind'];
  readonly target_id: string | null;
  readonly outcome: AuditEntry['outcome'];
  readonly code: string | null;
  readonly details: string | null;
  readonly ip: string | null;
}

/** The audit: acts of people, with their actors. */
export class PgAudit {
  private readonly write: Query;
  private readonly reads: Query;

  /** @param looks what is read goes through, where that is not `pool` */
  constructor(
    pool: Lender,
    private readonly schema: string,
    looks: Lender = pool,
  ) {
    this.write = queryOf(pool);
    this.reads = readsOf(looks);
  }

  async add(entry: AuditEntry): Promise<void> {
    const { actor, action, targetKind, targetId, outcome, code, details, ip } = entry;
    const values = [actor, action, targetKind, targetId, outcome, code].map(told);
    const json = JSON.stringify(details, (_key, value: unknown) => (typeof value === 'string' ? told(value) : value));
    const parameters = [uuidv7(), ...values, json, told(ip)];
    await withReconnect(() => this.write(sql('add-audit', this.schema), parameters));
  }

  /** The newest first. */
  async list({ actor, action, target, since, until, before, limit }: AuditFilters): Promise<AuditRow[]> {
    const given = [actor, action, target, since?.toISOString(), until?.toISOString(), before];
    const parameters = [...given.map((one) => one ?? null), limit];
    return (await this.reads<Row>(sql('list-audit', this.schema), parameters)).map((row) => ({
      id: row.id,
      at: row.at,
      actor: row.actor,
      action: row.action,
      targetKind: row.target_kind,
      targetId: row.target_id,
      outcome: row.outcome,
      code: row.code,
      details: row.details === null ? {} : (JSON.parse(row.details) as Record<string, unknown>),
      ip: row.ip,
    }));
  }
}

/** Characters of one text: a reason may be longer than anybody reads. */
const LONGEST = 2_000;

/** What a client sends may be any text. */
function told(text: string | null): string | null {
  return text === null ? null : storable(text, LONGEST);
}
