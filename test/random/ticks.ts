import { scheduledTime, Step, Workflow, workflowId } from 'nest-durable';
import type pg from 'pg';
import type { Fault } from './verdict.js';

/** Workflow that the schedules of a trial start. */
export const TICK = 'tick';

export const TICKS = `
  CREATE TABLE ticks (run uuid NOT NULL, schedule text NOT NULL, due timestamptz, again boolean NOT NULL)`;

const TICKED = `
  INSERT INTO ticks (run, schedule, due, again)
  SELECT id, $2, $3, retry_of IS NOT NULL FROM durable.workflow_executions WHERE id = $1`;

/** A run of it notes the due time that it was started for. */
export function tickClass(pool: pg.Pool): new () => object {
  @Workflow({ name: TICK })
  class TickWorkflow {
    @Step()
    async tick({ schedule }: { schedule: string }): Promise<void> {
      await pool.query(TICKED, [workflowId(), schedule, scheduledTime()]);
    }
  }
  return TickWorkflow;
}

/** An act, between two times of the database in ms: it has taken effect at some moment of them. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** The time in which a schedule was enabled and had the same due times. */
export interface Era {
  readonly schedule: string;
  /** Each so many seconds of the minute is due. */
  readonly period: number;
  /** What was missed is caught up, however much that is. */
  readonly caughtUp: boolean;
  readonly began: Span;
  /** Its end, and its next due time right before that, ms. */
  readonly ended: Span & { readonly next: number };
}

interface Started {
  readonly schedule: string;
  /** ms */
  readonly due: number;
  readonly runs: number;
}

/** A due time that has two runs, or none though later ones have, or that none of the eras has. */
export function tickFaults(eras: readonly Era[], started: readonly Started[]): Fault[] {
  const faults: string[] = [];
  const known = new Map(started.map((one) => [keyOf(one.schedule, one.due), one]));
  for (const { schedule, due, runs } of started) {
    if (runs > 1) faults.push(`${at(schedule, due)} has ${runs} runs`);
    const isDue = (era: Era): boolean =>
      era.schedule === schedule && fits(era.period, due) && due >= era.began.from && due <= era.ended.to;
    if (!eras.some(isDue)) faults.push(`${at(schedule, due)} was not due, and has a run`);
  }
  for (const { schedule, period, caughtUp, began, ended } of eras.filter((era) => era.caughtUp)) {
    const step = period * 1_000;
    for (let due = (Math.floor(began.to / step) + 1) * step; due < Math.min(ended.next, ended.from); due += step)
      if (caughtUp && !known.has(keyOf(schedule, due))) faults.push(`${at(schedule, due)} has no run`);
  }
  return faults.map((what) => ({ run: null, what }));
}

/** Runs by the due times that they were started for; a run that was done again is none of them. */
export async function startedTicks(pool: pg.Pool): Promise<Started[]> {
  const { rows } = await pool.query<{ schedule: string; due: Date; runs: number }>(
    `SELECT schedule, due, count(DISTINCT run)::integer AS runs FROM ticks
     WHERE due IS NOT NULL AND NOT again GROUP BY schedule, due ORDER BY schedule, due`,
  );
  return rows.map(({ due, ...one }) => ({ ...one, due: due.getTime() }));
}

function fits(period: number, due: number): boolean {
  return due % (period * 1_000) === 0;
}

function keyOf(schedule: string, due: number): string {
  return `${schedule} ${due}`;
}

function at(schedule: string, due: number): string {
  return `schedule ${schedule}: due time ${new Date(due).toISOString()}`;
}
