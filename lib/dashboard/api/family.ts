import { ExecutionNotFoundError } from '../durable.js';
import { route } from '../http/call.js';
import { anyText, number } from '../http/input.js';
import { markOf, pageOf, partsOf, placeOf, RUN } from './page.js';
import { MOST_COUNTED, rowsOf, runIdOf } from './runs.js';

const MOST_RETRIES = 50;
const MOST_PARENTS = 20;

/** Where a run comes from, the outermost first, what it is a retry of, its retries, and its children by page. */
export const family = route({
  method: 'GET',
  path: 'runs/:id/family',
  action: 'run.read',
  input: (read) => ({ cursor: anyText(read, 'cursor', 500), limit: number(read, 'limit', 50, 1, 200) }),
  async handle(call, { cursor, limit }) {
    const id = await runIdOf(call);
    const mark = markOf('family', cursor, RUN);
    const [reads, people] = [await call.services.looks.reads(), await call.services.looks.people()];
    const [run] = await reads.byIds([id]);
    if (run === undefined) throw new ExecutionNotFoundError(id);
    const { retryOf } = run;
    const [parents, retries, counts, children] = await Promise.all([
      people.parentsOf(id, MOST_PARENTS),
      people.retriesOf(id, MOST_RETRIES),
      people.childStatuses(id, MOST_COUNTED),
      reads.page({ parentId: id, limit: limit + 1, ...placeOf(mark, 'asc') }),
    ]);
    const page = pageOf('family', children.marks, { mark, limit }, partsOf);
    const kin = [...parents, ...retries, ...(retryOf === null ? [] : [retryOf])];
    const others = await reads.byIds(kin);
    const shown = new Set(page.items.map((child) => child.id));
    const listed = children.runs.filter((child) => shown.has(child.id));
    const rows = new Map((await rowsOf(call, [...others, ...listed])).map((row) => [row.id, row]));
    const rowsIn = (ids: readonly string[]) => ids.flatMap((one) => rows.get(one) ?? []);
    return {
      parents: rowsIn(parents),
      retryOf: rowsIn(retryOf === null ? [] : [retryOf])[0] ?? null,
      retries: rowsIn(retries),
      counts,
      children: { ...page, items: rowsIn([...shown]) },
    };
  },
});
