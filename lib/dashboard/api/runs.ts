import {
  type Execution,
  ExecutionNotFoundError,
  isDurableError,
  isFinished,
  isUuid,
  type Standing,
} from '../durable.js';
import { type Call, route } from '../http/call.js';
import { RequestError } from '../http/errors.js';
import { anyText, flag, type InputReader, number } from '../http/input.js';
import { linksOf } from '../http/links.js';
import { type RunFilter, readFilter } from './filter.js';
import { atTime, markOf, pageOf, partsOf, placeOf, RUN } from './page.js';
import { asDownload, type Page, showError, showPayload, type Sight } from './show.js';

export const MOST_COUNTED = 10_000;
const LIST = 'runs';
/** Shorter beginnings of an id are a coincidence. */
const SHORTEST_PREFIX = 8;

/** A run in a list. */
export interface RunRow extends Omit<Execution, 'input' | 'data' | 'error' | 'steps'> {
  readonly error: unknown;
  /** Counted up to `MOST_COUNTED`: then it is that many at least. */
  readonly childCount: number;
  readonly failedStep: string | null;
  /** Null: the run went while it was looked at, or the journals of the page are too long to be read for it. */
  readonly standing: RowStanding | null;
}

/** Why it stands still, how it ended, or what comes next. */
interface RowStanding extends Pick<Standing, 'kind' | 'title' | 'detail' | 'until'> {
  /** The sentence of a list. */
  readonly text: string;
}

/** The whole id of the run that the path names, by a beginning of it too. @throws RequestError AMBIGUOUS_ID, ExecutionNotFoundError */
export async function runIdOf(call: Call): Promise<string> {
  const given: string = call.params['id']?.toLowerCase() ?? '';
  const whole: boolean = isUuid(given);
  if (whole) return given;
  const plain = given.replaceAll('-', '');
  if (plain.length < SHORTEST_PREFIX || !/^[0-9a-f]{1,32}$/.test(plain)) throw new ExecutionNotFoundError(given);
  const reads = await call.services.looks.reads();
  const { match } = readFilter(`id:${plain}`, 0);
  const [first, second] = await reads.listExecutions({ match, limit: 2 });
  if (first === undefined) throw new ExecutionNotFoundError(given);
  if (second === undefined) return first.id;
  throw new RequestError(409, 'AMBIGUOUS_ID', `Several runs have ids that begin with ${given}. Give more of it.`);
}

export async function sightOf(call: Call, full = false): Promise<Sight> {
  return { payloads: await call.may('payload.read'), full };
}

/** Rows of a list, in its order. */
export async function rowsOf(call: Call, runs: readonly Execution[]): Promise<RunRow[]> {
  if (runs.length === 0) return [];
  const sight = await sightOf(call);
  const { people, standing, waits } = call.services.looks;
  const ids = runs.map(({ id }) => id);
  const [counts, facts, standings] = await Promise.all([
    // A run may have started a million.
    waits().then((reads) => reads.childCounts(ids, MOST_COUNTED)),
    people().then((reads) => reads.facts(ids)),
    standing()
      .then((reads) => reads.explainAll([...new Set(ids)]))
      .catch(withoutStandings),
  ]);
  return runs.map((run) => {
    const { failedStep = null } = facts.get(run.id) ?? {};
    const childCount = counts.get(run.id) ?? 0;
    return { ...bareRow(run, sight), childCount, failedStep, standing: standingOf(standings.get(run.id) ?? null) };
  });
}

/** Rather a list without its sentences than none: how long they take goes with the journals of its runs. */
function withoutStandings(error: unknown): ReadonlyMap<string, Standing> {
  if (isDurableError(error) && error.code === 'TOO_SLOW') return new Map();
  throw error;
}

/** A run without its payloads. */
function bareRow({ input: _input, data: _data, steps: _steps, ...run }: Execution, sight: Sight) {
  const compensationResults = run.compensationResults.map((one) =>
    one.error === undefined ? one : { ...one, error: showError(one.error, sight) as typeof one.error },
  );
  return { ...run, error: showError(run.error, sight), compensationResults };
}

function standingOf(standing: Standing | null): RowStanding | null {
  if (standing === null) return null;
  const { kind, title, detail, until } = standing;
  return { kind, text: title, title, detail, until };
}

interface ListInput {
  readonly q: string;
  readonly cursor: string | null;
  readonly limit: number;
}

function listInput(read: InputReader): ListInput {
  const q = anyText(read, 'q') ?? '';
  return { q, cursor: anyText(read, 'cursor', 500), limit: number(read, 'limit', 50, 1, 200) };
}

async function filterOf(call: Call, q: string): Promise<RunFilter> {
  return readFilter(q, /\b(since|until):/.test(q) ? await call.services.looks.now() : 0);
}

const list = route({
  method: 'GET',
  path: 'runs',
  action: 'run.read',
  input: listInput,
  async handle(call, { q, cursor, limit }): Promise<RunsPage> {
    const filter = await filterOf(call, q);
    const reads = await call.services.looks.reads();
    const mark = markOf(LIST, cursor, RUN);
    // One more tells whether there is another page.
    const { runs, marks, lookedTo } = await reads.page({ ...filter, ...placeOf(mark, 'desc'), limit: limit + 1 });
    const looked = lookedTo === null ? null : atTime(lookedTo);
    const { items, ...ends } = pageOf(LIST, marks, { mark, limit, looked }, partsOf);
    const shown = new Map(runs.map((run) => [run.id, run]));
    const rows = await rowsOf(
      call,
      items.flatMap(({ id }) => shown.get(id) ?? []),
    );
    return { ...ends, items: rows, lookedTo };
  },
});

interface RunsPage extends Page<RunRow> {
  /**
   * Where no index has what is asked for so many runs are looked at for one page: it may be short or empty, and has then all that
   * fit as far as this time. `next` goes on. Null: there are more than `limit` of them, or the page is the last one.
   */
  readonly lookedTo: Date | null;
}

const count = route({
  method: 'GET',
  path: 'runs/count',
  action: 'run.read',
  input: (read) => anyText(read, 'q') ?? '',
  async handle(call, q) {
    const reads = await call.services.looks.reads();
    return reads.countUpTo(await filterOf(call, q), MOST_COUNTED);
  },
});

const one = route({
  method: 'GET',
  path: 'runs/:id',
  action: 'run.read',
  input: (read) => ({ full: flag(read, 'full'), download: flag(read, 'download') }),
  async handle(call, { full, download }) {
    const id = await runIdOf(call);
    const sight = await sightOf(call, full);
    const run = await call.services.looks.client.getExecution(id);
    if (run === null) throw new ExecutionNotFoundError(id);
    const { client, people } = call.services.looks;
    const reads = await people();
    const [[row], definition, counts, restartPoints] = await Promise.all([
      rowsOf(call, [run]),
      reads.definition(id),
      reads.counts(id),
      isFinished(run.status) ? client.restartPoints(id) : [],
    ]);
    const body = {
      ...row,
      graph: definition?.graph ?? null,
      inputSchema: definition?.inputSchema ?? null,
      restartPoints,
      // Who may not read logs learns nothing of them.
      counts: (await call.may('log.read')) ? counts : { steps: counts.steps },
      input: showPayload(run.input, sight),
      data: showPayload(run.data, sight),
      links: linksOf(call.services.options.links, run),
    };
    return download ? asDownload(body, `run-${id}.json`) : body;
  },
});

export const runRoutes = [list, count, one];
