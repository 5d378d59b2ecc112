import type { WorkflowHandle } from 'nest-durable';
import { TIMER, TIMERS, UNDONE } from '../support/faults/timed-workflows.js';
import type { Ground } from '../support/faults/ground.js';

/** ms by which each timer of the runs was late; below 0: early. By the clock of the server that keeps the effects. */
export async function delaysOfTimers(ground: Ground, runs: readonly WorkflowHandle[]): Promise<number[]> {
  const delays: number[] = [];
  for (const [before, after] of TIMERS) {
    const { rows } = await ground.effects.pool.query<{ ms: number }>(
      `SELECT (extract(epoch FROM a.at - b.at) * 1000)::float8 - $4 AS ms
       FROM effects b JOIN effects a ON a.run = b.run AND a.step = $3
       WHERE b.step = $2 AND b.run = ANY ($1)`,
      [runs.map(({ id }) => id), before, after, TIMER],
    );
    delays.push(...rows.map(({ ms }) => ms));
  }
  return delays;
}

/** ms by which the runs of the schedule "tick" began late, by the same clock. */
export async function delaysOfTicks(ground: Ground): Promise<number[]> {
  const { rows } = await ground.effects.pool.query<{ ms: number }>(
    `SELECT (extract(epoch FROM at - substr(step, 6)::timestamptz) * 1000)::float8 AS ms FROM effects WHERE step LIKE 'tick %'`,
  );
  return rows.map(({ ms }) => ms);
}

/** Due times of the schedule "tick" that have more than one run. */
export async function doubleTicks(ground: Ground): Promise<string[]> {
  const { rows } = await ground.pool.query<{ what: string }>(
    `SELECT format('%s has %s runs', schedule_time, count(*)) AS what FROM durable.workflow_executions
     WHERE workflow = 'tick' GROUP BY schedule_time HAVING count(*) > 1`,
  );
  return rows.map(({ what }) => what);
}

/** Runs of "undone" that were undone in another order than the reverse of how they were done. */
export async function wrongUndone(ground: Ground, runs: readonly WorkflowHandle[]): Promise<string[]> {
  const { rows } = await ground.effects.pool.query<{ run: string; steps: string[] }>(
    'SELECT run, array_agg(step ORDER BY at) AS steps FROM effects WHERE run = ANY ($1) GROUP BY run',
    [runs.map(({ id }) => id)],
  );
  const seen = new Map(rows.map(({ run, steps }) => [run, steps.join()]));
  return runs
    .filter(({ id }) => seen.get(id) !== UNDONE.join())
    .map(({ id }) => `run ${id} was undone as ${seen.get(id)}`);
}
