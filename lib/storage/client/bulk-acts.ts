import { type Lender, type Query, queryOf, withReconnect } from '../connection/transaction.js';
import { sql } from '../sql.js';

/** What an act on many runs is to be done to. */
export interface PreparedBulk {
  readonly runs: readonly string[];
  /** What is to be done, as it was given. */
  readonly act: unknown;
}

export interface KeptState {
  /** How far it had come, as it was given. */
  readonly state: unknown;
  /** ms since that was said. */
  readonly silent: number;
}

/** ms that a preview may be acted on. */
const PREVIEW_LASTS = 600_000;

/**
 * Acts on many runs between their preview and their end. They stand in the database since each request may come to another
 * process; all that is asked here is asked on the primary.
 */
export class PgBulkActs {
  private readonly query: Query;

  constructor(
    pool: Lender,
    private readonly schema: string,
  ) {
    const query = queryOf(pool);
    // Each of these may be done twice.
    this.query = (text, parameters) => withReconnect(() => query(text, parameters));
  }

  async add(id: string, { runs, act }: PreparedBulk): Promise<void> {
    await this.rows('add-bulk', [id, runs, JSON.stringify(act), PREVIEW_LASTS]);
  }

  /** Null: there is no such preview, it is over, or the act has begun. */
  async find(id: string): Promise<PreparedBulk | null> {
    const [row] = await this.rows<{ runs: string[]; act: string }>('find-bulk', [id, PREVIEW_LASTS]);
    return row === undefined ? null : { runs: row.runs, act: JSON.parse(row.act) as unknown };
  }

  /** @returns whether it is this act that may be done: false where the preview is over, or another has begun. */
  async begin(id: string, job: string, state: unknown): Promise<boolean> {
    return (await this.rows('begin-bulk', [id, job, JSON.stringify(state), PREVIEW_LASTS])).length > 0;
  }

  async keep(job: string, state: unknown): Promise<void> {
    await this.rows('keep-bulk-state', [job, JSON.stringify(state)]);
  }

  /** Null: nothing is known of it. */
  async state(job: string): Promise<KeptState | null> {
    const [row] = await this.rows<{ state: string; silent: number }>('bulk-state', [job]);
    return row === undefined ? null : { state: JSON.parse(row.state) as unknown, silent: row.silent };
  }

  private rows<R extends object>(statement: string, parameters: unknown[]): Promise<R[]> {
    return this.query<R>(sql(statement, this.schema), parameters);
  }
}
