import { ExecutionNotFoundError, ITEM_STATES, type LoopRow, placeOf, type StepRow } from '../durable.js';
import { route } from '../http/call.js';
import { RequestError } from '../http/errors.js';
import { anyText, flag, type InputReader, number, several } from '../http/input.js';
import { markOf, NUMBER, pageOf, PLACE } from './page.js';
import { runIdOf, sightOf } from './runs.js';
import { asDownload, type Page, showError, showPayload, type Sight } from './show.js';

const STATUSES = ['running', 'waiting', 'completed', 'failed'] as const;

/** Of an error a row has the name and the message. */
function shown(row: StepRow | LoopRow, sight: Sight): object {
  return 'cells' in row ? row : { ...row, error: showError(row.error, { ...sight, payloads: false }) };
}

/** As `from` below reads it. */
function cursorOf(row: StepRow | LoopRow): number[] {
  const { seq, sums, begun } = placeOf(row);
  return [seq, sums, begun];
}

const steps = route({
  method: 'GET',
  path: 'runs/:id/steps',
  action: 'run.read',
  input: (read) => ({
    under: anyText(read, 'under', 2_000),
    statuses: several(read, 'status', STATUSES),
    cursor: anyText(read, 'cursor', 500),
    limit: number(read, 'limit', 500, 1, 500),
  }),
  async handle(call, { under, statuses, cursor, limit }): Promise<Page<object>> {
    const id = await runIdOf(call);
    const sight = await sightOf(call);
    const mark = markOf('steps', cursor, [NUMBER, PLACE, NUMBER]);
    const [seq = 0, sums = 0, begun = 0] = mark?.at.map(Number) ?? [];
    const from = mark === null ? null : { way: mark.way, seq, sums, begun };
    const reads = await call.services.looks.steps();
    const found = await reads.page(id, { under, statuses, from, limit });
    if (found === null) throw new ExecutionNotFoundError(id);
    const page = pageOf('steps', found, { mark, limit }, cursorOf);
    return { ...page, items: page.items.map((row) => shown(row, sight)) };
  },
});

const one = route({
  method: 'GET',
  path: 'runs/:id/steps/:seq',
  action: 'payload.read',
  input: (read) => ({ full: flag(read, 'full'), download: flag(read, 'download') }),
  async handle(call, { full, download }) {
    const id = await runIdOf(call);
    const given = call.params['seq'] ?? '';
    const seq = /^\d{1,16}$/.test(given) ? Number(given) : NaN;
    const reads = await call.services.looks.steps();
    const found = Number.isSafeInteger(seq) ? await reads.payloads(id, seq) : null;
    if (found === null) throw new RequestError(404, 'NOT_FOUND', `The run has no attempt ${given}.`);
    const sight = { payloads: true, full };
    const body = {
      input: showPayload(found.input, sight),
      output: showPayload(found.output, sight),
      error: showError(found.error, sight),
      // Who may not read logs gets none.
      logs: (await call.may('log.read')) ? found.logs : [],
    };
    return download ? asDownload(body, `step-${id}-${seq}.json`) : body;
  },
});

function pathOf(read: InputReader): string {
  const path = anyText(read, 'path');
  if (path === null) read.expected('path', "the path of a loop, such as 'recipients[]'", undefined);
  return path ?? '';
}

const items = route({
  method: 'GET',
  path: 'runs/:id/items',
  action: 'run.read',
  input: (read) => ({
    path: pathOf(read),
    states: several(read, 'state', ITEM_STATES),
    cursor: anyText(read, 'cursor', 500),
    limit: number(read, 'limit', 50, 1, 200),
  }),
  async handle(call, { path, states, cursor, limit }): Promise<Page<object>> {
    const id = await runIdOf(call);
    const sight = await sightOf(call);
    const loop = path.replace(/\[\]$/, '');
    const mark = markOf('items', cursor, [PLACE]);
    const [index = -1] = mark?.at.map(Number) ?? [];
    const from = { way: mark?.way ?? ('next' as const), index };
    const reads = await call.services.looks.steps();
    const found = await reads.items(id, loop, { states, from, limit: limit + 1 });
    if (found === null) {
      if ((await call.services.looks.client.getExecution(id)) === null) throw new ExecutionNotFoundError(id);
      throw new RequestError(404, 'NOT_FOUND', `The run has no loop ${loop} that has begun.`);
    }
    const page = pageOf('items', found, { mark, limit }, (item) => [item.index]);
    const shownItems = page.items.map((item) => ({
      ...item,
      error: showError(item.error, { ...sight, payloads: false }),
    }));
    return { ...page, items: shownItems };
  },
});

export const stepRoutes = [steps, one, items];
