import type { WokenRun } from '../engine/store.js';

/** What match-waits.sql and wake-run.sql say of the row of a run that goes on. */
export interface WokenRow {
  readonly run: string;
  readonly queue: string;
  readonly paused: boolean;
  readonly state: 'ready' | 'running' | 'sleeping';
}

export function toWoken({ run, queue, paused, state }: WokenRow): WokenRun {
  return { runId: run, queue, held: state === 'running', ready: state === 'ready' && !paused };
}
