import { isCancel, type StoredError } from '../core/errors/stored-error.js';
import type { FinishedStatus } from '../core/run/status.js';
import { manyOf, spanOf } from '../core/standing/words.js';
import { clip } from '../core/text-of.js';
import type { DeadWorker, ReportedRun } from '../engine/ports/run-report.js';

/** The texts of reports about runs. One line each, whatever an error's message holds. */

/** Characters of an error's message. */
const LONGEST = 1_000;
/** Names in a list. */
const MOST_NAMES = 20;

/** Characters that would end a line or move a terminal's cursor. */
// oxlint-disable-next-line no-control-regex
const CONTROLS = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g;

export interface FailedAttempt {
  readonly step: string;
  /** The step that a compensation undoes; null: it is no compensation. */
  readonly undoes: string | null;
  readonly attempt: number;
  /** Attempts in all; null: not known, since the code has no such step any more. */
  readonly most: number | null;
  /** ms; null: there is no further attempt. */
  readonly retryInMs: number | null;
}

export function attemptFailed(run: ReportedRun, failed: FailedAttempt, error: StoredError): string {
  const { step, undoes, attempt, most, retryInMs } = failed;
  const what = undoes === null ? `step "${oneLine(step)}"` : `"${oneLine(step)}", which undoes "${oneLine(undoes)}",`;
  const again = retryInMs === null ? 'It is not tried again.' : `Again in ${spanOf(retryInMs)}.`;
  const of = most === null ? '' : ` of ${most}`;
  return `${named(run)}: attempt ${attempt}${of} of ${what} failed with ${sentenceOf(error)} ${again}`;
}

export function roundFailed(
  run: ReportedRun,
  error: StoredError,
  { next, most, delayMs }: { next: number; most: number; delayMs: number },
): string {
  const begins = `It begins again from its input in ${spanOf(delayMs)}.`;
  return `${named(run)}: round ${next - 1} of ${most + 1} failed with ${sentenceOf(error)} ${begins}`;
}

export function paused(run: ReportedRun, error: StoredError): string {
  return `${named(run)} is paused. ${sentenceOf(error)} Its steps are as they were: it goes on with resume.`;
}

export function began(run: ReportedRun): string {
  return `${named(run)} started`;
}

export function ended(
  run: ReportedRun,
  status: FinishedStatus,
  error: StoredError | null,
  failedStep: string | null,
): string {
  if (status === 'completed') return `${named(run)} completed`;
  if (status === 'cancelled' || (error !== null && isCancel(error)))
    return `${named(run)} was cancelled${UNDONE[status]}`;
  const at = failedStep === null ? '' : ` at step "${oneLine(failedStep)}"`;
  const why = error === null ? '' : ` with ${sentenceOf(error)}`;
  return `${named(run)} failed${at}${why === '' ? '.' : why}${AFTER[status]}`;
}

const UNDONE: Readonly<Record<FinishedStatus, string>> = {
  completed: '',
  failed: '',
  cancelled: '',
  compensated: ', and what it had done was undone',
  compensation_failed: ', and what it had done could not be undone: nest-durable inspect shows what',
};

const AFTER: Readonly<Record<FinishedStatus, string>> = {
  completed: '',
  failed: '',
  cancelled: '',
  compensated: ' What it had done was undone.',
  compensation_failed: ' What it had done could not be undone: nest-durable inspect shows what.',
};

export function recovered(rows: number, queues: readonly string[], workers: readonly DeadWorker[]): string {
  const known = workers.map(({ id, pid }) => (pid === 0 ? String(id) : `${id} (process ${pid})`));
  const who = known.length === 1 ? `worker ${known[0]}` : `workers ${listed(known)}`;
  const dead = known.length === 0 ? 'dead workers' : `${who}, dead`;
  const where = queues.length === 0 ? '' : `, and ready in ${listed(queues.map((queue) => `"${oneLine(queue)}"`))}`;
  return `${manyOf(rows, 'run')} recovered from ${dead}${where}`;
}

export interface Booted {
  /** Host and port, and the database. */
  readonly server: string;
  readonly schema: string;
  readonly workflows: readonly string[];
  readonly schedules: readonly string[];
  /** Null: this process works on none. */
  readonly queues: readonly { readonly queue: string; readonly concurrency: number }[] | null;
}

export function booted({ server, schema, workflows, schedules, queues }: Booted): string {
  const work =
    queues === null
      ? 'it starts runs and executes none (workers: false)'
      : `queues: ${listed(queues.map(({ queue, concurrency }) => `${queue} (${concurrency})`))}`;
  return (
    `PostgreSQL at ${oneLine(server)}, schema "${schema}"; workflows: ${listed(workflows)}; ` +
    `schedules: ${listed(schedules)}; ${oneLine(work)}`
  );
}

function listed(names: readonly string[]): string {
  if (names.length === 0) return 'none';
  const more = names.length - MOST_NAMES;
  const first = names.slice(0, MOST_NAMES).map(oneLine).join(', ');
  return more > 0 ? `${first} and ${more} more` : first;
}

function named({ runId, workflow }: ReportedRun): string {
  return `Run ${runId} of "${oneLine(workflow)}"`;
}

/** Name and message, with a full stop. */
function sentenceOf({ name, message }: StoredError): string {
  const text = oneLine(message === '' ? name : `${name}: ${clip(message, LONGEST)}`);
  return /[.!?…]$/.test(text) ? text : `${text}.`;
}

export function oneLine(text: string): string {
  return text.replace(CONTROLS, ' ');
}
