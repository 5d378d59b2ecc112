import type { StepRecord } from '../durable.js';
import { route } from '../http/call.js';
import { readCursor, writeCursor } from '../http/cursor.js';
import { RequestError } from '../http/errors.js';
import { anyText, flag, number, several } from '../http/input.js';
import { runIdOf, sightOf } from './runs.js';
import { asDownload, type Page, showError, showPayload, type Sight } from './show.js';

const STATUSES = ['running', 'waiting', 'completed', 'failed'] as const;

/** One attempt without its payloads and logs; `seq` names it. */
function rowOf({ input: _input, output: _output, logs: _logs, error, ...rest }: StepRecord, seq: number, sight: Sight) {
  return { seq, ...rest, error: showError(error, { ...sight, payloads: false }) };
}

const steps = route({
  method: 'GET',
  path: 'runs/:id/steps',
  action: 'run.read',
  input: (read) => ({
    under: anyText(read, 'under', 2_000),
    status: several(read, 'status', STATUSES),
    cursor: anyText(read, 'cursor', 500),
    limit: number(read, 'limit', 500, 1, 500),
  }),
  async handle(call, { under, status, cursor, limit }): Promise<Page<object>> {
    const id = await runIdOf(call);
    const sight = await sightOf(call);
    const all = await call.services.looks.client.getSteps(id, { includeData: false });
    const rows = all
      .map((step, at) => rowOf(step, at + 1, sight))
      .filter((step) => under === null || isUnder(step.path, under))
      .filter((step) => status === null || status.includes(step.status));
    const [from = 0] = cursor === null ? [] : readCursor('steps', cursor).map(Number);
    return {
      items: rows.slice(from, from + limit),
      next: from + limit < rows.length ? writeCursor('steps', [from + limit]) : null,
      prev: from > 0 ? writeCursor('steps', [Math.max(0, from - limit)]) : null,
    };
  },
});

const one = route({
  method: 'GET',
  path: 'runs/:id/steps/:seq',
  action: 'payload.read',
  input: (read) => ({ full: flag(read, 'full'), download: flag(read, 'download') }),
  async handle(call, { full, download }) {
    const id = await runIdOf(call);
    const seq = Number(call.params['seq']);
    const whole = Number.isSafeInteger(seq) && seq > 0;
    const { client } = call.services.looks;
    const [step] = whole ? await client.getSteps(id, { limit: 1, offset: seq - 1 }) : [];
    if (step === undefined) throw new RequestError(404, 'NOT_FOUND', `The run has no attempt ${call.params['seq']}.`);
    const { path, round, visit, attempt } = step;
    // Logs are payloads too: who may not read logs gets none.
    const logs = (await call.may('log.read'))
      ? (await client.getExecution(id, { includeLogs: true }))?.steps?.find(
          (other) => other.path === path && other.round === round && other.visit === visit && other.attempt === attempt,
        )?.logs
      : [];
    const sight = { payloads: true, full };
    const body = {
      input: showPayload(step.input, sight),
      output: showPayload(step.output, sight),
      error: showError(step.error, sight),
      logs: logs ?? [],
    };
    return download ? asDownload(body, `step-${id}-${seq}.json`) : body;
  },
});

function isUnder(path: string, under: string): boolean {
  return path === under || (path.startsWith(under) && /^[./[]/.test(path.slice(under.length)));
}

export const stepRoutes = [steps, one];
