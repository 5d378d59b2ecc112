// Not the global one: a test may have put its own clock in the place of that.
import { setImmediate } from 'node:timers';
import { sql } from '../sql.js';
import type { Query } from '../connection/transaction.js';

/** Puts what is asked for at a time into one look. */
export class Batched<K, V> {
  private open: { readonly keys: K[]; readonly found: Promise<readonly V[]> } | null = null;

  /** @param load what there is for each of the keys, in their order */
  constructor(private readonly load: (keys: readonly K[]) => Promise<readonly V[]>) {}

  async ask(key: K): Promise<V> {
    const batch = (this.open ??= this.begin());
    const at = batch.keys.push(key) - 1;
    return (await batch.found)[at] as V;
  }

  private begin(): NonNullable<typeof this.open> {
    const keys: K[] = [];
    const found = new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
      this.open = null;
      return this.load(keys);
    });
    return { keys, found };
  }
}

/**
 * Statements that take many calls: what is looked up for each run of a page is then as many statements as for one run.
 * Such a statement takes its calls as JSON (`$1`), each with its number, and gives that number as `n` with each row.
 */
export class BatchedQuery {
  private readonly statements = new Map<string, Batched<object, object[]>>();

  constructor(
    private readonly query: Query,
    private readonly schema: string,
  ) {}

  /** The rows of one call, in the statement's order. */
  async rows<R extends object>(statement: string, call: Readonly<Record<string, unknown>>): Promise<R[]> {
    let batched = this.statements.get(statement);
    if (batched === undefined) {
      batched = new Batched((calls) => this.load(statement, calls));
      this.statements.set(statement, batched);
    }
    return (await batched.ask(call)) as R[];
  }

  private async load(statement: string, calls: readonly object[]): Promise<object[][]> {
    const found: object[][] = calls.map(() => []);
    const numbered = JSON.stringify(calls.map((call, n) => Object.assign({ n }, call)));
    for (const { n, ...row } of await this.query<{ n: number }>(sql(statement, this.schema), [numbered])) {
      found[n]?.push(row);
    }
    return found;
  }
}
