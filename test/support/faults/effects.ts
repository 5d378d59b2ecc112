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
  await pool.query('CREATE TABLE effects (run uuid NOT NULL, step text NOT NULL, attempt integer, worker text)');
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

/** Steps that had their effect more than once, of all runs there are. */
export async function repeatedEffects(pool: pg.Pool): Promise<string[]> {
  const { rows } = await pool.query<{ what: string }>(
    `SELECT format('%s of %s: %s times, by %s', step, run, count(*), string_agg(worker, ', ')) AS what
     FROM effects GROUP BY run, step HAVING count(*) > 1`,
  );
  return rows.map(({ what }) => what);
}

/** Until a statement gives a row. */
export async function until(pool: pg.Pool, text: string, values: unknown[] = []): Promise<void> {
  while ((await pool.query(text, values)).rowCount === 0) await pause(10);
}
