import { ExecutionNotFoundError } from '../durable.js';
import { route } from '../http/call.js';
import { anyText, number } from '../http/input.js';
import { isMicros, KEY, markOf, pageOf } from './page.js';
import { runIdOf, sightOf } from './runs.js';
import { type Page, showError } from './show.js';

/** What happened to a run and who did it, the newest last. */
export const history = route({
  method: 'GET',
  path: 'runs/:id/history',
  action: 'run.read',
  input: (read) => ({ cursor: anyText(read, 'cursor', 500), limit: number(read, 'limit', 200, 1, 200) }),
  async handle(call, { cursor, limit }): Promise<Page<object>> {
    const id = await runIdOf(call);
    const sight = await sightOf(call);
    const mark = markOf('history', cursor, [isMicros, KEY]);
    const [micros = '', key = ''] = mark?.at.map(String) ?? [];
    const reads = await call.services.looks.history();
    const found = await reads.page(id, {
      from: mark === null ? null : { way: mark.way, micros, key },
      limit: limit + 1,
    });
    // It begins with the start.
    if (found.length === 0 && mark === null) throw new ExecutionNotFoundError(id);
    const page = pageOf('history', found, { mark, limit }, (item) => [item.mark.micros, item.mark.key]);
    const items = page.items.map(({ at, kind, step, path, error, facts }) => ({
      at,
      kind,
      ...(path !== null && { step, path }),
      ...facts,
      ...(error !== null && { error: showError(error, kind === 'retry' ? { ...sight, payloads: false } : sight) }),
    }));
    return { ...page, items };
  },
});
