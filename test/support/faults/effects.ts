import { currentAttempt, currentStep, workflowId } from 'nest-durable';
import { setTimeout as pause } from 'node:timers/promises';
import type pg from 'pg';

/**
 * What steps did, whether or not it was recorded: a table written over connections of its own, which no fault of the
 * engine's connections reaches.
 */
export class Effects {
  constructor(
    private readonly pool: pg.Pool,
    readonly worker: string,
  ) {}

  /** The running step leaves its mark; `what` where it does so more than once. */
  async leave(what?: string): Promise<void> {
    const step = what ?? currentStep();
    await this.pool.query('INSERT INTO effects (run, step, attempt, worker) VALUES ($1, $2, $3, $4)', [
      workflowId(),
      step,
      currentAttempt(),
      this.worker,
    ]);
  }

  /** Waits until a test opens the gate. */
  async gate(name: string): Promise<void> {
    while (!(await this.isOpen(name))) await pause(10);
  }

  async isOpen(name: string): Promise<boolean> {
    return (await this.pool.query('SELECT FROM gates WHERE name = $1', [name])).rowCount === 1;
  }

  close(): Promise<void> {
    return this.pool.end();
  }
}

export async function createEffects(pool: pg.Pool): Promise<void> {
  await pool.query(
    `CREATE TABLE effects (run uuid NOT NULL, step text NOT NULL, attempt integer, worker text,
     at timestamptz NOT NULL DEFAULT clock_timestamp())`,
  );
  await pool.query('CREATE TABLE gates (name text PRIMARY KEY)');
}

export async function openGate(pool: pg.Pool, name: string): Promise<void> {
  await pool.query('INSERT INTO gates (name) VALUES ($1) ON CONFLICT DO NOTHING', [name]);
}

/** How often each step of the runs has had its effect. */
export async function effectsOf(
  pool: pg.Pool,
  runs: readonly { readonly id: string }[],
): Promise<Record<string, number>> {
  const { rows } = await pool.query<{ step: string; n: number }>(
    'SELECT step, count(*)::integer AS n FROM effects WHERE run = ANY ($1) GROUP BY step ORDER BY step',
    [runs.map((run) => run.id)],
  );
  return Object.fromEntries(rows.map(({ step, n }) => [step, n]));
}

/** Steps that had their effect more than once, of all runs there are. @param except steps that may have */
export async function repeatedEffects(pool: pg.Pool, except: readonly string[] = []): Promise<string[]> {
  const { rows } = await pool.query<{ what: string }>(
    `SELECT format('%s of %s: %s times, by %s', step, run, count(*), string_agg(worker, ', ')) AS what
     FROM effects WHERE step <> ALL ($1) GROUP BY run, step HAVING count(*) > 1`,
    [except],
  );
  return rows.map(({ what }) => what);
}

/** Until a statement gives a row. */
export async function until(pool: pg.Pool, text: string, values: unknown[] = []): Promise<void> {
  while ((await pool.query(text, values)).rowCount === 0) await pause(10);
}

/** What a query gives, once the server answers: it is gone, or starts, or ended the session meanwhile. */
export async function onceUp<T>(query: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await query();
    } catch (error) {
      const { code, message } = error as { code?: string; message: string };
      if (!/^(57P0[123]|08...|E[A-Z]+)$/.test(code ?? '') && !message.startsWith('Connection terminated')) throw error;
      await pause(20);
    }
  }
}

/** The time on the server that keeps the effects, in ms. */
export async function effectsClock(pool: pg.Pool): Promise<number> {
  const { rows } = await pool.query<{ ms: number }>(
    'SELECT (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS ms',
  );
  return rows[0]?.ms ?? 0;
}

/** Waits for the first effect after a time of `effectsClock`; gives the ms in between. */
export async function wentOnAfter(pool: pg.Pool, since: number): Promise<number> {
  for (;;) {
    const { rows } = await pool.query<{ ms: number | null }>(
      `SELECT (extract(epoch FROM min(at)) * 1000)::float8 - $1::float8 AS ms FROM effects
       WHERE at > to_timestamp($1::float8 / 1000)`,
      [since],
    );
    const ms = rows[0]?.ms ?? null;
    if (ms !== null) return ms;
    await pause(10);
  }
}
