import type { WorkflowDefinition } from '../../core/definition/definition.js';
import type { Query } from '../connection/transaction.js';
import { sql } from '../sql.js';

/** What lists show of a run beside what all clients see. */
export interface RunFacts {
  readonly failedStep: string | null;
  /** That started it. */
  readonly schedule: string | null;
}

/** What only people want to know. */
export class PgPeopleReads {
  constructor(
    private readonly query: Query,
    private readonly schema: string,
  ) {}

  async facts(ids: readonly string[]): Promise<Map<string, RunFacts>> {
    if (ids.length === 0) return new Map();
    const rows = await this.rows<{ id: string; failed_step: string | null } & Omit<RunFacts, 'failedStep'>>(
      'run-facts',
      [ids],
    );
    return new Map(rows.map(({ id, failed_step: failedStep, schedule }) => [id, { failedStep, schedule }]));
  }

  /** The definition that a run runs, and the JSON Schema of its input; null: it is not known. */
  async definition(id: string): Promise<{ graph: WorkflowDefinition; inputSchema: unknown } | null> {
    const [row] = await this.rows<{ definition: WorkflowDefinition; input_schema: unknown }>('run-definition', [id]);
    return row === undefined ? null : { graph: row.definition, inputSchema: row.input_schema };
  }

  /** Ids of the runs that are its retries, the first first. */
  async retriesOf(id: string, limit: number): Promise<string[]> {
    return (await this.rows<{ id: string }>('retries-of', [id, limit])).map((row) => row.id);
  }

  private rows<R extends object>(statement: string, parameters: unknown[]): Promise<R[]> {
    return this.query<R>(sql(statement, this.schema), parameters);
  }
}
