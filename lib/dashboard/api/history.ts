import { ExecutionNotFoundError, isFinished } from '../durable.js';
import { route } from '../http/call.js';
import { readCursor, writeCursor } from '../http/cursor.js';
import { anyText, number } from '../http/input.js';
import { runIdOf, sightOf } from './runs.js';
import { showError } from './show.js';

interface Item {
  readonly at: Date;
  readonly kind: string;
  readonly [field: string]: unknown;
}

/** Of each kind at most. */
const MOST = 1_000;

/** What happened to a run and who did it, as far as the tables tell; the newest last. */
export const history = route({
  method: 'GET',
  path: 'runs/:id/history',
  action: 'run.read',
  input: (read) => ({ cursor: anyText(read, 'cursor', 500), limit: number(read, 'limit', 200, 1, 200) }),
  async handle(call, { cursor, limit }) {
    const { looks } = call.services;
    const id = await runIdOf(call);
    const run = await looks.client.getExecution(id);
    if (run === null) throw new ExecutionNotFoundError(id);
    const [sight, people, audit] = [await sightOf(call), await looks.people(), await looks.audit()];
    const [facts, events, inputs, acts, steps] = await Promise.all([
      people.facts([id]),
      looks.client.listEvents(id, { limit: MOST }),
      looks.client.listPendingInputs({
        executionId: id,
        status: ['pending', 'completed', 'timed_out', 'cancelled'],
        limit: MOST,
      }),
      audit.list({ target: id, limit: MOST }),
      looks.client.getSteps(id, { includeData: false }),
    ]);
    const { retryOf, parentId, createdAt, completedAt, status } = run;
    const items: Item[] = [
      { at: createdAt, kind: 'started', parentId, retryOf, schedule: facts.get(id)?.schedule ?? null },
      ...inputs.map(({ createdAt: at, step, name, id: inputId }) => ({
        at,
        kind: 'waiting',
        wait: 'input',
        step,
        name,
        inputId,
      })),
      ...inputs.flatMap(({ closedAt, status: ended, step, name, id: inputId }) =>
        ended === 'completed' && closedAt !== null
          ? [{ at: closedAt, kind: 'answer', step, inputName: name, inputId }]
          : [],
      ),
      ...events.map(({ sentAt, name, dedupeKey, wait }) => ({
        at: sentAt,
        kind: 'event',
        eventName: name,
        dedupeKey,
        wait,
        step: wait?.step,
      })),
      ...steps.flatMap(({ status: ended, completedAt: at, isCompensation, step, path, attempt, error }) =>
        ended === 'failed' && at !== null && !isCompensation
          ? [{ at, kind: 'retry', step, path, attempt, error: showError(error, { ...sight, payloads: false }) }]
          : [],
      ),
      ...acts.map(({ at, actor, action, outcome, code, details }) => ({
        at,
        kind: 'audit',
        actor,
        action,
        outcome,
        code,
        details,
        reason: details['reason'],
      })),
      ...(completedAt !== null && isFinished(status)
        ? [{ at: completedAt, kind: status, error: showError(run.error, sight) }]
        : []),
    ];
    const sorted = items.toSorted((a, b) => a.at.getTime() - b.at.getTime());
    const [from = 0] = cursor === null ? [] : readCursor('history', cursor).map(Number);
    return {
      items: sorted.slice(from, from + limit),
      next: from + limit < sorted.length ? writeCursor('history', [from + limit]) : null,
      prev: from > 0 ? writeCursor('history', [Math.max(0, from - limit)]) : null,
    };
  },
});
