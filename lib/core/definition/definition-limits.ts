import type { RetryPolicy } from './definition.js';
import type { DraftMember, DraftWorkflow } from './definition-draft.js';
import { describe } from '../describe.js';
import { isStorable, MAX_DURATION, MAX_NAME_LENGTH, PRIORITY, QUEUE_NAME } from '../limits.js';

type Report = (message: string) => void;

/** The server counts them in 16 bits. */
const MOST_RECOVERIES = 32_000;

/** The values of a workflow's own options: names, numbers, queue. */
export function checkWorkflowLimits(draft: DraftWorkflow, report: Report): void {
  name('name', draft.name, report);
  queue(draft.queue, report);
  ms('timeout', draft.timeout, report);
  if (!Number.isInteger(draft.priority) || draft.priority < PRIORITY.min || draft.priority > PRIORITY.max) {
    report(`priority is ${describe(draft.priority)}; it must be a whole number of at most 32 bits`);
  }
  whole('maxRetries', draft.maxRetries, 0, report);
  whole('maxRecoveries', draft.maxRecoveries, 0, report, '', MOST_RECOVERIES);
  if (draft.concurrency !== null) {
    whole('concurrency.limit', draft.concurrency.limit, 1, report);
    oneOf('concurrency.hold', draft.concurrency.hold, ['working', 'run'], report);
  }
  if (draft.description !== null && typeof draft.description !== 'string') {
    report(`description is ${describe(draft.description)}; it must be a string`);
  } else if (draft.description !== null && !isStorable(draft.description)) {
    // The server takes no definition apart that has one, and so ends no run that is late.
    report(`description is ${describe(draft.description)}; NUL and halves of surrogate pairs are not allowed`);
  }
}

/** The values of one member's options. */
export function checkMemberLimits(member: DraftMember, report: Report): void {
  const { settings } = member;
  name('name', member.name, report);
  ms('timeout', settings.timeout, report);
  retry(settings.retry, report);
  if (settings.queue !== null) {
    queue(settings.queue, report);
  }
  bool('transactional', settings.transactional, report);
  oneOf('compensateWhen', settings.compensateWhen, ['completed', 'started'], report);
  if (settings.compensateWhen === 'started' && settings.compensate === null) {
    report('compensateWhen says when, but compensate names nothing that undoes the step');
  }
  switch (member.kind) {
    case 'decision':
      whole('maxVisits', member.maxVisits, 1, report);
      break;
    case 'parallel':
      oneOf('onError', member.onError, ['failFast', 'completeAll'], report);
      if (member.concurrency !== null) {
        whole('concurrency', member.concurrency, 1, report);
      }
      break;
    case 'forEach':
      oneOf('onError', member.onError, ['failFast', 'completeAll'], report);
      oneOf('results', member.results, ['all', 'none'], report);
      whole('concurrency', member.concurrency, 1, report);
      break;
    default:
  }
}

/** The key of an arm; it may be empty, since a selector may return `''`, but it is part of paths as names are. */
export function checkArmKey(key: string, report: Report): void {
  if (key !== '') {
    storable('the key of an arm', key, report);
  }
}

function retry(policy: RetryPolicy, report: Report): void {
  whole('retry.maxAttempts', policy.maxAttempts, 1, report);
  oneOf('retry.backoff', policy.backoff, ['exponential', 'linear', 'constant'], report);
  whole('retry.initialDelay', policy.initialDelay, 0, report, ' of ms', MAX_DURATION);
  whole('retry.maxDelay', policy.maxDelay, 0, report, ' of ms', MAX_DURATION);
  if (!Number.isFinite(policy.factor) || policy.factor < 1) {
    report(`retry.factor is ${describe(policy.factor)}; it must be a number of at least 1`);
  }
  bool('retry.jitter', policy.jitter, report);
}

/** A name that can be stored, shown on a line, and found again. */
function name(option: string, value: unknown, report: Report): void {
  if (typeof value !== 'string' || value.trim() === '') {
    report(`${option} is ${describe(value)}; it must be a string that is not empty`);
  } else {
    storable(option, value, report);
  }
}

function queue(value: unknown, report: Report): void {
  if (typeof value === 'string' && QUEUE_NAME.fits(value)) return;
  report(`queue is ${describe(value)}; it must be ${QUEUE_NAME.expected}`);
}

function storable(option: string, value: string, report: Report): void {
  if (value.length > MAX_NAME_LENGTH) {
    report(`${option} has ${value.length} characters; ${MAX_NAME_LENGTH} are allowed`);
  } else if (/[\p{Cc}\p{Cs}]/u.test(value)) {
    report(`${option} is ${describe(value)}; control characters and halves of surrogate pairs are not allowed`);
  }
}

function ms(option: string, value: number | null, report: Report): void {
  if (value !== null) {
    // What is further away is no date that this process could show.
    whole(option, value, 1, report, ' of ms', MAX_DURATION);
  }
}

/** A number is one of 32 bits to the server. */
function whole(option: string, value: unknown, least: number, report: Report, unit = '', most = PRIORITY.max): void {
  if (!Number.isSafeInteger(value) || (value as number) < least) {
    report(`${option} is ${describe(value)}; it must be a whole number${unit} of at least ${least}`);
  } else if ((value as number) > most) {
    report(`${option} is ${describe(value)}; it must be a whole number${unit} of at most ${most}`);
  }
}

function bool(option: string, value: unknown, report: Report): void {
  if (typeof value !== 'boolean') {
    report(`${option} is ${describe(value)}; it must be true or false`);
  }
}

function oneOf(option: string, value: unknown, allowed: readonly string[], report: Report): void {
  if (typeof value !== 'string' || !allowed.includes(value)) {
    report(`${option} is ${describe(value)}; it must be ${allowed.map((word) => `"${word}"`).join(' or ')}`);
  }
}
