import { isUuid } from '../durable.js';
import { route } from '../http/call.js';
import { writeCursor } from '../http/cursor.js';
import { anyText, date, number } from '../http/input.js';
import { ID, markOf } from './page.js';

export const audit = route({
  method: 'GET',
  path: 'audit',
  action: 'audit.read',
  input: (read) => ({
    actor: anyText(read, 'actor', 200),
    action: anyText(read, 'action', 100),
    target: anyText(read, 'target', 200),
    since: date(read, 'since'),
    until: date(read, 'until'),
    cursor: anyText(read, 'cursor', 500),
    limit: number(read, 'limit', 50, 1, 200),
  }),
  async handle(call, { cursor, limit, target, ...rest }) {
    const [before = null] = markOf('audit', cursor, [ID])?.at.map(String) ?? [];
    const acts = await call.services.looks.audit();
    const wanted = target !== null && isUuid(target) ? target.toLowerCase() : target;
    const found = await acts.list({ ...rest, target: wanted, before, limit: limit + 1 });
    const items = found.slice(0, limit);
    const last = items.at(-1);
    const more = found.length > limit && last !== undefined;
    return { items, next: more ? writeCursor('audit', ['next', last.id]) : null, prev: null };
  },
});
