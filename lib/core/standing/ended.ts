import type { Said } from './said.js';
import type { ActFacts, StandingFacts, UndoFacts } from './facts.js';
import type { FinishedStatus } from '../run/status.js';
import { isCancel, type StoredError } from '../errors/stored-error.js';
import { countOf, listOf, manyOf, momentOf, quoted, spanOf } from './words.js';

/** The standing of a run that has ended. */
export function standsEnded(facts: StandingFacts, status: FinishedStatus): Said {
  if (status === 'completed') return completed(facts);
  const { error, failure, act } = facts;
  const wasCancelled = error !== null && isCancel(error);
  const how = wasCancelled ? cancelledBy(error, act) : failedAt(error, failure);
  const { step, others, retriedAs } = failure ?? NO_FAILURE;
  return {
    kind: status,
    title: how + ENDINGS[status],
    ...(step === null ? {} : { step }),
    detail: [
      wasCancelled ? null : messageOf(error),
      undoOf(facts.undo),
      others === null ? null : othersOf(others),
      retriedAs === null ? null : `It was retried as ${quoted(retriedAs)}.`,
    ],
  };
}

const NO_FAILURE = { step: null, attempts: null, others: null, retriedAs: null };
const NO_WORK = { ms: 0, longestWait: null, failedAttempts: 0, failedItems: 0, more: false };

const ENDINGS: Readonly<Record<Exclude<FinishedStatus, 'completed'>, string>> = {
  failed: '',
  cancelled: '',
  compensated: ', then was undone',
  compensation_failed: ', then could not be undone',
};

function completed({ createdAt, startedAt, completedAt, work }: StandingFacts): Said {
  const took = (completedAt?.getTime() ?? 0) - (startedAt ?? createdAt).getTime();
  const { ms, longestWait, failedAttempts, failedItems, more } = work ?? NO_WORK;
  const worked = Math.min(ms, Math.max(0, took));
  // All of it, where what was looked at is as long already.
  const least = more && ms < took ? 'more than ' : '';
  const and = more ? ' and more' : '';
  return {
    kind: 'completed',
    title: `Completed after ${spanOf(took)}; it worked for ${least}${spanOf(worked)} of them`,
    detail: [
      longestWait === null ? null : `Its longest wait, in ${quoted(longestWait.step)}, took ${spanOf(longestWait.ms)}.`,
      failedAttempts === 0 ? null : `${manyOf(failedAttempts, 'attempt')}${and} failed on the way.`,
      failedItems === 0 ? null : `${manyOf(failedItems, 'item')}${and} failed.`,
    ],
  };
}

/** "Failed at `charge` after 3 attempts with `E`" */
export function failedAt(error: StoredError | null, failure: StandingFacts['failure']): string {
  const name = error === null ? '' : ` with ${quoted(error.name)}`;
  const { step, attempts } = failure ?? NO_FAILURE;
  if (step === null) return `Failed${name}`;
  const after = attempts === null ? '' : ` after ${manyOf(attempts, 'attempt')}`;
  return `Failed at ${quoted(step)}${after}${name}`;
}

/** "Cancelled by A: "…"" */
export function cancelledBy(error: StoredError, act: ActFacts | null): string {
  const reason = error['reason'];
  return byWhom('Cancelled', { actor: act?.actor ?? null, reason: typeof reason === 'string' ? reason : null });
}

/** "Paused by A: "…"", as far as it is known. */
export function byWhom(word: string, act: ActFacts | null): string {
  const { actor, reason } = act ?? { actor: null, reason: null };
  return `${word}${actor === null ? '' : ` by ${actor}`}${reason === null ? '' : `: "${reason}"`}`;
}

export function messageOf(error: StoredError | null): string | null {
  if (error === null || error.message === '') return null;
  return /[.!?…]$/.test(error.message) ? error.message : `${error.message}.`;
}

function undoOf(undo: UndoFacts | null): string {
  if (undo === null) return '';
  const done = undo.done.length === 0 ? '' : `Undone: ${stepsOf(undo.done, undo.cut)}.`;
  const failed = undo.failed.length === 0 ? '' : `Could not be undone: ${stepsOf(undo.failed, undo.cut)}.`;
  return [done, failed].filter((one) => one !== '').join(' ');
}

/** Names that are shown of those of steps. */
const SHOWN_STEPS = 10;

/** "`a`, `b` (12 times) and more": the steps of a loop by one name. */
function stepsOf(names: readonly string[], cut: boolean): string {
  const times = new Map<string, number>();
  for (const name of names) times.set(name, (times.get(name) ?? 0) + 1);
  const shown = [...times]
    .slice(0, SHOWN_STEPS)
    .map(([name, n]) => `${quoted(name)}${n === 1 ? '' : ` (${countOf(n)} times)`}`);
  return listOf(cut || times.size > SHOWN_STEPS ? [...shown, 'more'] : shown, 'and');
}

function othersOf({ n, more, since }: NonNullable<NonNullable<StandingFacts['failure']>['others']>): string {
  const many = more ? `${countOf(n)} and more other runs` : manyOf(n, 'other run');
  return `${many} failed the same way since ${momentOf(since)}.`;
}
