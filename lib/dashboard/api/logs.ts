import { ExecutionNotFoundError, LOG_LEVELS } from '../durable.js';
import { route } from '../http/call.js';
import { writeCursor } from '../http/cursor.js';
import { anyText, number, several } from '../http/input.js';
import { markOf, NUMBER } from './page.js';
import { runIdOf } from './runs.js';
import type { Page } from './show.js';

/** What the attempts of a run have logged. Of a filter that little fits a page may be short and still have a next one. */
export const logs = route({
  method: 'GET',
  path: 'runs/:id/logs',
  action: 'log.read',
  input: (read) => ({
    step: anyText(read, 'step', 200),
    levels: several(read, 'level', LOG_LEVELS),
    text: anyText(read, 'text', 500),
    cursor: anyText(read, 'cursor', 500),
    limit: number(read, 'limit', 200, 1, 200),
  }),
  async handle(call, { step, levels, text, cursor, limit }): Promise<Page<object>> {
    const id = await runIdOf(call);
    const mark = markOf('logs', cursor, [NUMBER]);
    const [seq = 0] = mark?.at.map(Number) ?? [];
    const from = mark === null ? null : { way: mark.way, seq };
    const reads = await call.services.looks.logs();
    const found = await reads.page(id, { step, levels, text, from, limit });
    if (found === null) throw new ExecutionNotFoundError(id);
    const { entries, reached } = found;
    const back = mark?.way === 'prev';
    const [first, last] = [entries.at(0)?.seq, entries.at(-1)?.seq];
    const next = back ? (last ?? seq - 1) : reached;
    const prev = back ? reached : mark === null ? null : (first ?? seq + 1);
    return {
      items: entries,
      next: next === null ? null : writeCursor('logs', ['next', next]),
      prev: prev === null ? null : writeCursor('logs', ['prev', prev]),
    };
  },
});
