import { isCancel } from '../errors/stored-error.js';
import { findNode, stepNameOf } from '../definition/definition-path.js';
import type { Said } from './said.js';
import { byWhom, cancelledBy, failedAt, messageOf } from './ended.js';
import type { AttemptFacts, LoopFacts, RetryFacts, StandingFacts, UndoFacts } from './facts.js';
import { blockedBy } from './queue.js';
import { waiting } from './waits.js';
import { countOf, manyOf, momentOf, quoted, spanOf } from './words.js';

const UNDOES = 'Undoes what it did';
const TO_BE_PAUSED = 'It is to be paused when its attempt is over.';

/** The standing of an unfinished run: the first that fits. */
export function standsAtWork(facts: StandingFacts): Said {
  const { status, attempts, dueAt } = facts;
  if (status === 'paused') return paused(facts);
  if (status === 'compensating') return compensating(facts);
  if (status === 'running' || attempts.length > 0) return running(facts);
  if (status === 'waiting' || facts.asleep) {
    return retrying(facts) ?? waiting(facts, child) ?? queued(facts) ?? scheduled(facts);
  }
  return dueAt === null ? lost() : due(facts);
}

/** What is ready has a row, since a time; this has none. */
function lost(): Said {
  return {
    kind: 'due',
    title: 'Is lost: nothing will ever take it',
    detail: ['It has no row in the queue. nest-durable doctor --verify names all that are so.'],
  };
}

function child(facts: StandingFacts): string {
  // Its own child is a level too deep.
  return standsAtWork({ ...facts, waits: facts.waits.map((wait) => ({ ...wait, child: null })) }).title;
}

function paused(facts: StandingFacts): Said {
  const { error, act, deadlineAt, undo } = facts;
  const timeout = deadlineAt === null ? null : `The run's timeout goes on, until ${momentOf(deadlineAt)}.`;
  if (error === null) {
    return {
      kind: 'paused',
      title: byWhom('Paused', act),
      until: deadlineAt,
      detail: [
        undo === null ? null : `It is being undone, ${doneOf(undo)}.`,
        'Resume it to let it go on.',
        timeout,
        inVainOf(facts),
      ],
    };
  }
  const step = error['step'];
  // Earlier versions have stored the error without "that place".
  const place = /cannot go on at ".*": (?:that place )?(is gone|is another kind of member)/s.exec(error.message)?.[1];
  const path = error['path'];
  const where =
    error.code === 'DEFINITION_CHANGED' && typeof path === 'string'
      ? `, place ${quoted(path)} ${place ?? 'is gone'}`
      : typeof step === 'string'
        ? ` in ${quoted(step)}`
        : '';
  return {
    kind: 'paused',
    title: `Paused: ${quoted(error.name)}${where}`,
    until: deadlineAt,
    ...(typeof step === 'string' ? { step } : {}),
    detail: [
      messageOf(error),
      /resume the run/.test(error.message) ? null : 'Mend what it says, then resume the run.',
      timeout,
    ],
  };
}

function compensating(facts: StandingFacts): Said {
  const { undo, error, failure, retries, attempts } = facts;
  // What ran when it failed may not be over yet.
  const now = attempts.find(({ path }) => path.includes('~'));
  const step = now === undefined ? undo?.left[0] : stepNameOf(now.path.slice(0, now.path.lastIndexOf('~')));
  const [retry] = retries;
  const wasCancelled = error !== null && isCancel(error);
  const title = step === undefined || undo === null ? UNDOES : `Undoes ${quoted(step)}, ${doneOf(undo)}`;
  return {
    kind: 'compensating',
    title,
    until: retry?.at ?? null,
    nextAttemptAt: retry?.at ?? null,
    ...(step === undefined ? {} : { step }),
    detail: [
      error === null ? null : `${wasCancelled ? cancelledBy(error, facts.cancel) : failedAt(error, failure)}.`,
      wasCancelled ? null : messageOf(error),
      retry === undefined ? null : `${quoted(retry.step)} is tried again: ${triesOf(facts, retry)}.`,
      facts.pauseRequested ? TO_BE_PAUSED : null,
      inVainOf(facts),
    ],
  };
}

/** A pause stops it, nothing else does. */
function inVainOf({ inVain }: StandingFacts): string | null {
  if (inVain === null) return null;
  const by = inVain.actor === null ? '' : ` by ${inVain.actor}`;
  return `A cancel${by} at ${momentOf(inVain.at)} changed nothing: it was being undone already.`;
}

function toBeUndone(facts: StandingFacts): string | null {
  return facts.toBeUndone ? `${byWhom('Cancelled', facts.cancel)}. What it did is to be undone.` : null;
}

/** "1 of 3 done" */
function doneOf({ done, failed, left, cut }: UndoFacts): string {
  const ended = done.length + failed.length;
  return `${countOf(ended)}${cut ? ' and more' : ` of ${countOf(ended + left.length)}`} done`;
}

function running(facts: StandingFacts): Said {
  const { attempts, now, deadlineAt, worker, startedAt } = facts;
  const [first] = attempts;
  const untilOf = (own: Date | null): Date | null => earliest(own, deadlineAt);
  const about = [
    facts.pauseRequested ? TO_BE_PAUSED : null,
    toBeUndone(facts),
    timeoutOf(facts),
    outOfTouch(worker, now),
  ];
  if (first === undefined) {
    const since = startedAt === null ? null : `For ${spanOf(now.getTime() - startedAt.getTime())}.`;
    return { kind: 'running', title: 'Is with a worker', until: untilOf(null), detail: [since, ...about] };
  }
  const node = facts.definition === null ? null : findNode(facts.definition, first.path);
  const since = first.startedAt === null ? null : `For ${spanOf(now.getTime() - first.startedAt.getTime())}.`;
  const timeout = node?.settings.timeout ?? null;
  const stepEnd = timeout === null || first.startedAt === null ? null : new Date(first.startedAt.getTime() + timeout);
  const loop = loopOf(facts.loops, first.path);
  if (loop !== null) {
    const alike = attempts.filter((one) => plain(one.path) === plain(first.path));
    const nearly = loop.counted === 'all' ? '' : `${loop.counted} `;
    const failed = loop.failed === 0 ? '' : `, ${nearly}${countOf(loop.failed)} of them failed`;
    const others = attempts.length - alike.length;
    return {
      kind: 'running',
      step: first.step,
      title:
        `Runs ${quoted(first.step)} for ${manyOf(alike.length, 'item')}; ${nearly}${countOf(loop.through)} of ` +
        `${countOf(loop.items)} are through${failed}${others === 0 ? '' : ` (and ${countOf(others)} more)`}`,
      until: untilOf(null),
      detail: [
        loop.beganAt === null ? null : `For ${spanOf(now.getTime() - loop.beganAt.getTime())}.`,
        leftOf(loop),
        // Of each by itself: items come and go too fast for a time of one of them.
        timeout === null ? null : `Its timeout ends an attempt after ${spanOf(timeout)}.`,
        ...about,
      ],
    };
  }
  const others = attempts.length - 1;
  return {
    kind: 'running',
    step: first.step,
    title: `Runs ${quoted(first.step)}${ofAttempts(first, node?.settings.retry.maxAttempts ?? 1)}${others === 0 ? '' : ` (and ${countOf(others)} more)`}`,
    until: untilOf(stepEnd),
    detail: [since, stepEnd === null ? null : `Its timeout ends the attempt at ${momentOf(stepEnd)}.`, ...about],
  };
}

function ofAttempts({ attempt }: AttemptFacts, most: number): string {
  return most === 1 && attempt === 1 ? '' : `, attempt ${countOf(attempt)} of ${countOf(Math.max(most, attempt))}`;
}

/** The innermost loop around a place. */
function loopOf(loops: readonly LoopFacts[], path: string): LoopFacts | null {
  const at = path.lastIndexOf('[');
  return at < 0 ? null : (loops.find((loop) => loop.path === path.slice(0, at)) ?? null);
}

function plain(path: string): string {
  return path.replace(/\[\d+\]/g, '[]');
}

function leftOf({ items, through, lastMinute }: LoopFacts): string | null {
  if (lastMinute === null || lastMinute === 0 || through >= items) return null;
  return `About ${spanOf(((items - through) / lastMinute) * 60_000)} yet.`;
}

/** A living worker renews its lease before half of it is over. */
function outOfTouch(worker: StandingFacts['worker'], now: Date): string | null {
  if (worker === null) return null;
  const lease = worker.expiresAt.getTime() - worker.seenAt.getTime();
  if (now.getTime() - worker.seenAt.getTime() < lease * 0.6) return null;
  return `Its worker is out of touch since ${momentOf(worker.seenAt)}: it is taken over at ${momentOf(worker.expiresAt)}.`;
}

function retrying(facts: StandingFacts): Said | null {
  const { retries, definition, round, error, dueAt } = facts;
  const [retry] = retries;
  if (retry !== undefined) {
    const more = retries.length - 1;
    return {
      kind: 'retry',
      step: retry.step,
      title: `Tries ${quoted(retry.step)} again: ${triesOf(facts, retry)}${more === 0 ? '' : ` (and ${countOf(more)} more)`}`,
      until: retry.at,
      nextAttemptAt: retry.at,
      detail: [messageOf(retry.error), whatIfAllFail(facts)],
    };
  }
  if (!facts.asleep || round === 1 || facts.waits.length > 0 || facts.away.length > 0 || dueAt === null) return null;
  const rounds = (definition?.maxRetries ?? round - 1) + 1;
  return {
    kind: 'retry',
    title:
      `Tries again from the start: ${countOf(round - 1)} of ${countOf(Math.max(rounds, round))} rounds have failed` +
      (error === null ? '' : ` with ${quoted(error.name)}`),
    until: dueAt,
    nextAttemptAt: dueAt,
    detail: [messageOf(error)],
  };
}

function triesOf({ definition }: StandingFacts, { path, attempt, error }: RetryFacts): string {
  const node = definition === null ? null : findNode(definition, path);
  const undo = definition?.compensations.find(({ name }) => name === stepNameOf(path));
  const most = Math.max(attempt, (path.includes('~') ? undo?.retry : node?.settings.retry)?.maxAttempts ?? attempt);
  const name = error === null ? '' : ` with ${quoted(error.name)}`;
  return `${countOf(attempt - 1)} of ${countOf(most)} attempts have failed${name}`;
}

function whatIfAllFail({ definition, round }: StandingFacts): string | null {
  if (definition === null) return null;
  if (round <= definition.maxRetries) return 'If all fail, the run begins anew.';
  const undoes = definition.compensations.length > 0;
  return undoes ? 'If all fail, the run fails and is undone.' : 'If all fail, the run fails.';
}

function queued(facts: StandingFacts): Said | null {
  const [away] = facts.away;
  if (away === undefined) return null;
  const blocked = blockedBy(facts.workflow, away.queue);
  const span = spanOf(facts.now.getTime() - away.dueAt.getTime());
  const more = facts.away.length - 1;
  return {
    kind: 'queued',
    step: away.step,
    title: `${quoted(away.step)} is ready in queue ${quoted(away.queue.name)} for ${span}${why(blocked?.why)}${more === 0 ? '' : ` (and ${countOf(more)} more)`}`,
    blockedBy: blocked?.by ?? null,
    until: earliest(blocked?.until ?? null, facts.deadlineAt),
    detail: [blocked?.helps ?? null, timeoutOf(facts)],
  };
}

function scheduled({ dueAt, now, scheduleName, startedAt }: StandingFacts): Said {
  if (dueAt === null) return { kind: 'due', title: 'Is with no worker, and nothing says why', detail: [] };
  const span = spanOf(dueAt.getTime() - now.getTime());
  return {
    kind: 'scheduled',
    title: startedAt === null ? `Starts in ${span}` : `Goes on in ${span}`,
    until: dueAt,
    detail: [scheduleName === null ? null : `By schedule ${quoted(scheduleName)}.`],
  };
}

function due(facts: StandingFacts): Said {
  const { now, dueAt, queue, workflow, scheduleName, startedAt } = facts;
  const span = spanOf(now.getTime() - (dueAt ?? now).getTime());
  const blocked = queue === null ? null : blockedBy(workflow, queue);
  return {
    kind: 'due',
    title: `Is ready for ${span}${why(blocked?.why)}`,
    until: earliest(blocked?.until ?? null, facts.deadlineAt),
    blockedBy: blocked?.by ?? null,
    detail: [
      blocked?.helps ?? null,
      toBeUndone(facts),
      timeoutOf(facts),
      scheduleName === null || startedAt !== null ? null : `By schedule ${quoted(scheduleName)}.`,
    ],
  };
}

function timeoutOf({ deadlineAt }: StandingFacts): string | null {
  return deadlineAt === null ? null : `The run's timeout ends it at ${momentOf(deadlineAt)}.`;
}

function why(text: string | undefined): string {
  return text === undefined ? '' : `: ${text}`;
}

function earliest(a: Date | null, b: Date | null): Date | null {
  if (a === null || b === null) return a ?? b;
  return a < b ? a : b;
}
