import { isUuid } from '../durable.js';
import { route } from '../http/call.js';
import { readCursor, writeCursor } from '../http/cursor.js';
import { anyText, date, number } from '../http/input.js';

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
    const before = cursor === null ? null : String(readCursor('audit', cursor)[0]);
    const acts = await call.services.looks.audit();
    const wanted = target !== null && isUuid(target) ? target.toLowerCase() : target;
    const found = await acts.list({ ...rest, target: wanted, before, limit: limit + 1 });
    const items = found.slice(0, limit);
    const last = items.at(-1);
    const more = found.length > limit && last !== undefined;
    return { items, next: more ? writeCursor('audit', [last.id]) : null, prev: null };
  },
});
