import {
  DEFAULT_RETRY,
  DEFAULT_SETTINGS,
  type StepNode,
  type WorkflowDefinition,
} from '../../lib/core/definition/definition.js';
import { DefinitionChangedError } from '../../lib/core/errors/errors.js';
import { type Standing, standingOf } from '../../lib/core/standing/standing.js';
import type { QueueFacts, StandingFacts, WaitFacts } from '../../lib/core/standing/facts.js';
import { countOf, listOfNames, spanOf } from '../../lib/core/standing/words.js';

const NOW = new Date('2026-03-01T12:00:00Z');
const moved = new DefinitionChangedError('order', 'x', 'is another kind of member');

function at(seconds: number): Date {
  return new Date(NOW.getTime() + seconds * 1_000);
}

function step(name: string, more: Partial<StepNode['settings']> = {}): StepNode {
  return { kind: 'step', name, member: name, settings: { ...DEFAULT_SETTINGS, ...more } };
}

const definition: WorkflowDefinition = {
  name: 'order',
  description: null,
  queue: 'default',
  priority: 0,
  timeout: null,
  maxRetries: 0,
  maxRecoveries: 10,
  concurrency: null,
  nodes: [step('charge', { retry: { ...DEFAULT_RETRY, maxAttempts: 5 }, timeout: 30_000 }), step('ship')],
  compensations: [],
};

const mailing: WorkflowDefinition = {
  ...definition,
  nodes: [
    {
      kind: 'forEach',
      name: 'all',
      member: 'all',
      settings: DEFAULT_SETTINGS,
      concurrency: 10,
      onError: 'completeAll',
      results: 'none',
      arm: [step('sendOne', { timeout: 30_000 })],
    },
  ],
};

const error = { name: 'CardError', message: 'declined' };

const BASE: StandingFacts = {
  now: NOW,
  workflow: 'order',
  status: 'pending',
  pauseRequested: false,
  round: 1,
  createdAt: at(-1_000),
  startedAt: at(-900),
  completedAt: null,
  dueAt: null,
  deadlineAt: null,
  asleep: false,
  error: null,
  scheduleName: null,
  definition,
  act: null,
  toBeUndone: false,
  cancel: null,
  inVain: null,
  attempts: [],
  retries: [],
  waits: [],
  moreWaits: 0,
  away: [],
  loops: [],
  queue: null,
  worker: null,
  undo: null,
  failure: null,
  work: null,
};

const QUEUE: QueueFacts = {
  name: 'ai',
  paused: null,
  leased: 0,
  places: 20,
  workers: 2,
  rate: null,
  key: null,
  version: 31,
  versions: [31],
  claimable: true,
  ahead: 0,
};

const RATE = { limit: 100, period: 60_000, used: 100, freeAt: at(12) };
const HAS = { run: '019a', does: 'works', untilEnded: true } as const;
const KEY = { key: 'c-17', limit: 1, taken: 1, first: HAS };

const WAIT: WaitFacts = {
  step: 'charge',
  path: 'charge',
  kind: 'event',
  names: ['paid'],
  came: [],
  createdAt: at(-60),
  dueAt: null,
  onTimeout: 'throws',
  childId: null,
  childWorkflow: null,
  child: null,
};

const failure = { step: 'charge', attempts: 3, others: null, retriedAs: null };
const ended = { completedAt: at(0), error };
const cancelled = { name: 'WorkflowCancelledError', code: 'WORKFLOW_CANCELLED', message: 'wrong', reason: 'wrong' };
const attempt = { step: 'charge', path: 'charge', attempt: 2, startedAt: at(-4) };
const retry = { step: 'charge', path: 'charge', attempt: 3, at: at(8), error };
const waits = (...all: Partial<WaitFacts>[]): Partial<StandingFacts> => ({
  status: 'waiting',
  asleep: true,
  waits: all.map((wait) => ({ ...WAIT, ...wait })),
});
const due = (queue: Partial<QueueFacts>): Partial<StandingFacts> => ({
  dueAt: at(-48),
  startedAt: null,
  queue: { ...QUEUE, ...queue },
});

type Row = [kind: Standing['kind'], facts: Partial<StandingFacts>, title: string, detail: RegExp];

const TABLE: Row[] = [
  ['failed', { status: 'failed', ...ended, failure }, 'Failed at `charge` after 3 attempts with `CardError`', /^declined\.$/],
  ['failed', { status: 'failed', ...ended, failure: { ...failure, attempts: 1, retriedAs: 'x' } }, 'Failed at `charge` after 1 attempt with `CardError`', /retried as `x`\.$/],
  ['failed', { status: 'failed', ...ended, failure: { ...failure, attempts: null } }, 'Failed at `charge` with `CardError`', /^declined\.$/],
  ['failed', { status: 'failed', ...ended, failure: { ...failure, step: null, others: { n: 12, more: false, since: at(-600) } } }, 'Failed with `CardError`', /12 other runs failed the same way since 2026-03-01 11:50:00 UTC\.$/],
  ['compensated', { status: 'compensated', ...ended, failure, undo: { cut: false, done: ['a'], failed: [], left: [] } }, 'Failed at `charge` after 3 attempts with `CardError`, then was undone', /Undone: `a`\.$/],
  ['compensation_failed', { status: 'compensation_failed', ...ended, failure, undo: { cut: false, done: [], failed: ['a'], left: [] } }, 'Failed at `charge` after 3 attempts with `CardError`, then could not be undone', /Could not be undone: `a`\.$/],
  ['cancelled', { status: 'cancelled', completedAt: at(0), error: cancelled }, 'Cancelled: "wrong"', /^$/],
  ['cancelled', { status: 'cancelled', completedAt: at(0), error: cancelled, act: { actor: 'ada', reason: null } }, 'Cancelled by ada: "wrong"', /^$/],
  ['cancelled', { status: 'cancelled', completedAt: at(0), error: { ...cancelled, reason: null } }, 'Cancelled', /^$/],
  ['compensated', { status: 'compensated', completedAt: at(0), error: cancelled }, 'Cancelled: "wrong", then was undone', /^$/],
  // The step has asked for the result of a run that was cancelled.
  ['failed', { status: 'failed', completedAt: at(0), error: { ...cancelled, executionId: 'x' }, failure }, 'Failed at `charge` after 3 attempts with `WorkflowCancelledError`', /^wrong\.$/],
  ['completed', { status: 'completed', startedAt: at(-1_260), completedAt: at(0), work: { ms: 3_240, longestWait: { step: 'charge', ms: 1_200_000 }, failedAttempts: 2, failedItems: 1, more: false } }, 'Completed after 21 min; it worked for 3.2 s of them', /^Its longest wait, in `charge`, took 20 min\. 2 attempts failed on the way\. 1 item failed\.$/],
  ['completed', { status: 'completed', startedAt: at(-1_260), completedAt: at(0), work: { ms: 3_240, longestWait: { step: 'charge', ms: 1_200_000 }, failedAttempts: 2, failedItems: 1, more: true } }, 'Completed after 21 min; it worked for more than 3.2 s of them', /^Its longest wait, in `charge`, took 20 min\. 2 attempts and more failed on the way\. 1 item and more failed\.$/],
  ['paused', { status: 'paused', act: { actor: 'ada', reason: 'look' }, deadlineAt: at(60) }, 'Paused by ada: "look"', /timeout goes on, until 2026-03-01 12:01:00 UTC\.$/],
  ['paused', { status: 'paused' }, 'Paused', /^Resume it to let it go on\.$/],
  ['paused', { status: 'paused', error: { name: 'DefinitionChangedError', code: 'DEFINITION_CHANGED', message: 'Workflow "order" cannot go on at "x": is another kind of member. The run is paused', path: 'x' } }, 'Paused: `DefinitionChangedError`, place `x` is another kind of member', /^Workflow/],
  ['paused', { status: 'paused', error: { name: moved.name, code: moved.code, message: moved.message, path: moved.path } }, 'Paused: `DefinitionChangedError`, place `x` is another kind of member', /^Workflow "order" cannot go on at "x": that place is another kind of member\. The run is paused/],
  ['paused', { status: 'paused', error: { name: 'NonDeterministicStepError', code: 'NON_DETERMINISTIC_STEP', message: 'Step "x" asked', step: 'x' } }, 'Paused: `NonDeterministicStepError` in `x`', /^Step/],
  ['paused', { status: 'paused', error: { name: 'SerializationError', code: 'SERIALIZATION', message: 'input cannot be read: no JSON.' } }, 'Paused: `SerializationError`', /^input cannot be read: no JSON\. Mend what it says, then resume the run\.$/],
  ['paused', { status: 'paused', error: { name: 'Error', message: 'refused' } }, 'Paused: `Error`', /^refused\. Mend what it says, then resume the run\.$/],
  ['compensating', { status: 'compensating', error, failure, undo: { cut: false, done: ['a'], failed: [], left: ['bookFlight', 'c'] } }, 'Undoes `bookFlight`, 1 of 3 done', /^Failed at `charge` after 3 attempts with `CardError`\. declined\.$/],
  ['compensated', { status: 'compensated', ...ended, failure, undo: { cut: true, done: [...Array.from({ length: 1_200 }, () => 'a'), 'b'], failed: [], left: [] } }, 'Failed at `charge` after 3 attempts with `CardError`, then was undone', /Undone: `a` \(1 200 times\), `b` and more\.$/],
  ['compensated', { status: 'compensated', ...ended, failure, undo: { cut: false, done: Array.from({ length: 12 }, (_, n) => `s${n}`), failed: [], left: [] } }, 'Failed at `charge` after 3 attempts with `CardError`, then was undone', /Undone: `s0`, .*`s9` and more\.$/],
  ['compensating', { status: 'compensating', error, failure, undo: { cut: true, done: ['a'], failed: [], left: ['bookFlight', 'c'] } }, 'Undoes `bookFlight`, 1 and more done', /^Failed at `charge`/],
  ['compensating', { status: 'compensating', error, failure, attempts: [attempt], undo: { cut: false, done: ['a'], failed: [], left: ['bookFlight', 'c'] } }, 'Undoes `bookFlight`, 1 of 3 done', /^Failed/],
  ['compensating', { status: 'compensating', error, failure, attempts: [attempt, { ...attempt, path: 'c~cancel' }], undo: { cut: false, done: ['a'], failed: [], left: ['bookFlight', 'c'] } }, 'Undoes `c`, 1 of 3 done', /^Failed/],
  ['compensating', { status: 'compensating', error: cancelled, act: { actor: 'ada', reason: 'a pause' }, pauseRequested: true, undo: { cut: false, done: [], failed: [], left: ['a'] } }, 'Undoes `a`, 0 of 1 done', /^Cancelled: "wrong"\. It is to be paused when its attempt is over\.$/],
  ['compensating', { status: 'compensating', error: cancelled, cancel: { actor: 'ada', reason: 'wrong' }, undo: { cut: false, done: [], failed: [], left: ['a'] } }, 'Undoes `a`, 0 of 1 done', /^Cancelled by ada: "wrong"\.$/],
  ['compensating', { status: 'compensating', error, failure, inVain: { actor: 'bob', reason: 'now', at: at(-9) }, undo: { cut: false, done: [], failed: [], left: ['a'] } }, 'Undoes `a`, 0 of 1 done', /^Failed .* declined\. A cancel by bob at 2026-03-01 11:59:51 UTC changed nothing: it was being undone already\.$/],
  ['due', { ...due({ paused: { actor: null, reason: null } }), toBeUndone: true, cancel: { actor: 'ada', reason: 'wrong' } }, 'Is ready for 48 s: queue `ai` is paused', /^Resume the queue\. Cancelled by ada: "wrong"\. What it did is to be undone\.$/],
  ['running', { status: 'running', toBeUndone: true, attempts: [attempt] }, 'Runs `charge`, attempt 2 of 5', /^For 4 s\. .* Cancelled\. What it did is to be undone\.$/],
  ['paused', { status: 'paused', act: { actor: 'ada', reason: null }, undo: { cut: false, done: ['b'], failed: [], left: ['a'] } }, 'Paused by ada', /^It is being undone, 1 of 2 done\. Resume it/],
  ['running', { status: 'running', attempts: [attempt] }, 'Runs `charge`, attempt 2 of 5', /^For 4 s\. Its timeout ends the attempt at/],
  ['running', { status: 'running', attempts: [attempt, ...Array.from({ length: 4 }, () => attempt)] }, 'Runs `charge`, attempt 2 of 5 (and 4 more)', /^For 4 s/],
  ['running', { status: 'running', definition: mailing, attempts: Array.from({ length: 10 }, (_, n) => ({ step: 'sendOne', path: `all[${n}]/sendOne`, attempt: 1, startedAt: at(-1) })), loops: [{ path: 'all', beganAt: at(-240), items: 10_000, through: 6_786, failed: 14, counted: 'all', lastMinute: 1_607 }] }, 'Runs `sendOne` for 10 items; 6 786 of 10 000 are through, 14 of them failed', /^For 4 min\. About 2 min yet\. Its timeout ends an attempt after 30 s\.$/],
  ['running', { status: 'running', definition: mailing, attempts: Array.from({ length: 10 }, (_, n) => ({ step: 'sendOne', path: `all[${n}]/sendOne`, attempt: 1, startedAt: at(-1) })), loops: [{ path: 'all', beganAt: at(-240), items: 10_000, through: 6_786, failed: 14, counted: 'about', lastMinute: 1_607 }] }, 'Runs `sendOne` for 10 items; about 6 786 of 10 000 are through, about 14 of them failed', /^For 4 min\. About 2 min yet\. Its timeout ends an attempt after 30 s\.$/],
  ['running', { status: 'running', definition: mailing, attempts: Array.from({ length: 10 }, (_, n) => ({ step: 'sendOne', path: `all[${n}]/sendOne`, attempt: 1, startedAt: at(-1) })), loops: [{ path: 'all', beganAt: at(-240), items: 10_000, through: 6_786, failed: 14, counted: 'at least', lastMinute: null }] }, 'Runs `sendOne` for 10 items; at least 6 786 of 10 000 are through, at least 14 of them failed', /^For 4 min\. Its timeout ends an attempt after 30 s\.$/],
  ['running', { status: 'running', pauseRequested: true, worker: { seenAt: at(-20), expiresAt: at(10) } }, 'Is with a worker', /^For 15 min\. It is to be paused .* out of touch since .*: it is taken over at 2026-03-01 12:00:10 UTC\.$/],
  ['retry', { status: 'waiting', asleep: true, retries: [retry] }, 'Tries `charge` again: 2 of 5 attempts have failed with `CardError`', /^declined\. If all fail, the run fails\.$/],
  ['retry', { status: 'waiting', asleep: true, round: 2, dueAt: at(9), error, definition: { ...definition, maxRetries: 3 } }, 'Tries again from the start: 1 of 4 rounds have failed with `CardError`', /^declined\.$/],
  ['input', waits({ kind: 'input', names: ['approve'] }), 'Waits for a person to answer `approve`', /^In `charge` since 2026-03-01 11:59:00 UTC\. Then comes `ship`\.$/],
  ['event', waits({ dueAt: at(60) }, {}, {}), 'Waits for the event `paid`, and 2 more', /^In .* UTC\. Then comes `ship`\. At 2026-03-01 12:01:00 UTC it times out: the wait throws\.$/],
  ['event', { ...waits({ path: 'ship', step: 'ship' }), deadlineAt: at(60) }, 'Waits for the event `paid`', /^In .* UTC\. Then it is completed\. The run's timeout ends it at 2026-03-01 12:01:00 UTC\.$/],
  ['any', waits({ kind: 'any', names: ['paid', 'declined'], path: 'ship', step: 'ship' }), 'Waits for the event `paid` or `declined`', /Then it is completed\.$/],
  ['all', waits({ kind: 'all', names: ['a', 'b', 'paid'], came: ['a', 'b'] }), 'Waits for the event `paid`; 2 of 3 have come', /^In/],
  ['sleep', waits({ kind: 'child' }, { kind: 'sleep', dueAt: at(60) }), 'Sleeps, and 1 more', /^In/],
  ['child', waits({ kind: 'child', childWorkflow: 'shipment', child: { ...BASE, ...waits({ names: ['delivered'] }) } }), 'Waits for its child `shipment`, which waits for the event `delivered`', /^In/],
  ['child', waits({ kind: 'child', childWorkflow: 'shipment', child: { ...BASE, status: 'paused', act: { actor: 'ada', reason: null } } }), 'Waits for its child `shipment`, which is paused by ada', /^In/],
  ['queued', { status: 'waiting', asleep: true, away: [{ step: 'resize', path: 'resize', dueAt: at(-240), queue: { ...QUEUE, name: 'gpu' } }] }, '`resize` is ready in queue `gpu` for 4 min', /^$/],
  ['scheduled', { asleep: true, startedAt: null, dueAt: at(10_800), scheduleName: 'daily' }, 'Starts in 3 h', /^By schedule `daily`\.$/],
  ['due', due({}), 'Is ready for 48 s', /^$/],
  ['due', due({ paused: { actor: 'ada', reason: null } }), 'Is ready for 48 s: queue `ai` is paused by ada', /^Resume the queue\.$/],
  ['due', due({ leased: 20 }), 'Is ready for 48 s: queue `ai` is full, 20 of 20', /./],
  ['due', due({ rate: RATE }), 'Is ready for 48 s: queue `ai` has used its 100 a minute', /^The rate has room again at 2026-03-01 12:00:12 UTC\.$/],
  ['due', due({ rate: RATE, ahead: 1_239 }), 'Is ready for 48 s: queue `ai` has used its 100 a minute', /^The rate has room again at 2026-03-01 12:00:12 UTC; 1 239 come before it\.$/],
  ['due', due({ rate: { ...RATE, freeAt: null } }), 'Is ready for 48 s: queue `ai` has used its 100 a minute', /^It begins when the rate allows it\.$/],
  ['due', due({ workers: 0, places: 0 }), 'Is ready for 48 s: queue `ai` has no worker', /./],
  ['due', due({ key: { ...KEY, first: null } }), 'Is ready for 48 s: its key `c-17` has 1 of 1', /^It begins when one of these gives its place back\.$/],
  ['due', due({ key: { ...KEY, first: { ...HAS, untilEnded: false } } }), 'Is ready for 48 s: its key `c-17` has 1 of 1', /^It begins when run `019a` gives its place back\.$/],
  ['due', due({ key: { ...KEY, taken: 3, limit: 3, first: { ...HAS, untilEnded: false } } }), 'Is ready for 48 s: its key `c-17` has 3 of 3', /^It begins when run `019a` or one of 2 others gives its place back\.$/],
  ['due', due({ key: KEY }), 'Is ready for 48 s: its key `c-17` has 1 of 1', /^Run `019a` keeps the place until it has ended\. It is at work\.$/],
  ['due', due({ key: { ...KEY, first: { ...HAS, does: 'paused' } } }), 'Is ready for 48 s: its key `c-17` has 1 of 1', /^Run `019a` keeps the place until it has ended\. It is paused: resume or cancel it\.$/],
  ['due', due({ key: { ...KEY, taken: 2, limit: 2, first: { ...HAS, does: 'waits' } } }), 'Is ready for 48 s: its key `c-17` has 2 of 2', /^Run `019a` and 1 other keep the places until they have ended\. The first waits: end what it waits for, or cancel it\.$/],
  ['due', due({ claimable: false, versions: [30] }), 'Is ready for 48 s: no live worker has version 31 (has 30)', /^Deploy code/],
  ['due', due({ ahead: 1_239 }), 'Is ready for 48 s: 1 239 come before it', /^$/],
  ['due', due({ ahead: 1 }), 'Is ready for 48 s: 1 comes before it', /^$/],
  ['due', {}, 'Is lost: nothing will ever take it', /^It has no row in the queue\. nest-durable doctor --verify/],
]; // prettier-ignore

it.each(TABLE)('%s: %#', (kind, facts, title, detail) => {
  const standing = standingOf({ ...BASE, ...facts });
  expect(standing).toMatchObject({ kind, title });
  expect(standing.detail).toMatch(detail);
});

it('the table has every kind', () => {
  const kinds = ['failed', 'compensated', 'compensation_failed', 'cancelled', 'completed', 'paused', 'compensating', 'running', 'retry', 'input', 'event', 'any', 'all', 'sleep', 'child', 'queued', 'scheduled', 'due']; // prettier-ignore
  expect([...new Set(TABLE.map(([kind]) => kind))].toSorted()).toEqual(kinds.toSorted());
});

it.each([
  [{ paused: { actor: 'ada', reason: null } }, { why: 'paused', queue: 'ai', by: 'ada' }],
  [{ leased: 20 }, { why: 'full', queue: 'ai', limit: 20 }],
  [{ rate: { limit: 5, period: 1, used: 6, freeAt: null } }, { why: 'rate', queue: 'ai', limit: 5 }],
  [
    { workers: 0, places: 0 },
    { why: 'worker', queue: 'ai' },
  ],
  [{ key: { key: null, limit: 1, taken: 1, first: null } }, { why: 'key', queue: 'ai', limit: 1 }],
  [{ key: KEY }, { why: 'key', queue: 'ai', key: 'c-17', limit: 1, run: '019a' }],
  [{ claimable: false }, { why: 'version', queue: 'ai' }],
  [{ ahead: 1 }, { why: 'ahead', queue: 'ai' }],
  [{}, null],
] as const)('what blocks a run is there as data: %j', (queue, blockedBy) => {
  expect(standingOf({ ...BASE, ...due(queue) }).blockedBy).toEqual(blockedBy);
});

it('until is when the first of what ends it comes', () => {
  const of = (facts: Partial<StandingFacts>): Standing => standingOf({ ...BASE, ...facts });
  expect(of({ status: 'running', attempts: [attempt] }).until).toEqual(at(26));
  expect(of({ status: 'running', attempts: [attempt], deadlineAt: at(5) }).until).toEqual(at(5));
  expect(of(due({ rate: RATE })).until).toEqual(at(12));
  expect(of({ ...due({ rate: RATE }), deadlineAt: at(5) }).until).toEqual(at(5));
  expect(of({ status: 'waiting', asleep: true, retries: [retry] })).toMatchObject({
    until: at(8),
    nextAttemptAt: at(8),
  });
  expect(of(waits({}, { dueAt: at(70) })).until).toEqual(at(70));
  expect(of({ ...waits({}), deadlineAt: at(90) }).until).toEqual(at(90));
  expect(of(waits({ dueAt: at(1), childId: 'c' })).waits).toEqual([
    { step: 'charge', path: 'charge', kind: 'event', names: ['paid'], until: at(1), childId: 'c' },
  ]);
});

it('spans, numbers and lists read as people write them', () => {
  expect([0, 999, 1_000, 3_240, 48_000, 119_000, 240_000, 7_199_000, 10_800_000, 172_800_000].map(spanOf)).toEqual([
    '0 ms', '999 ms', '1 s', '3.2 s', '48 s', '119 s', '4 min', '120 min', '3 h', '2 d',
  ]); // prettier-ignore
  expect([0, 999, 1_000, 1_234_567].map(countOf)).toEqual(['0', '999', '1 000', '1 234 567']);
  expect([['a'], ['a', 'b'], ['a', 'b', 'c`']].map((names) => listOfNames(names, 'and'))).toEqual([
    '`a`', '`a` and `b`', "`a`, `b` and `c'`",
  ]); // prettier-ignore
});
