import type { DashboardAction } from '../actions.js';
import { type Execution, InvalidInputError, isUuid, listOf, type RunMark } from '../durable.js';
import { json } from '../http/answer.js';
import { type Call, nothing, route } from '../http/call.js';
import { RequestError } from '../http/errors.js';
import { anyText } from '../http/input.js';
import { actor, obstacle, RETRIED, startsAnew } from './bulk-act.js';
import { type Act, ACTS, type BulkState } from './bulk-book.js';
import { readFilter } from './filter.js';

const MOST = 10_000;
const PAGE = 1_000;
const SAMPLE = 5;

async function runsOf(call: Call, q: string | null, ids: readonly string[] | null): Promise<Execution[]> {
  const reads = await call.services.looks.reads();
  if (ids !== null) return reads.byIds(ids);
  const filter = readFilter(q ?? '', await call.services.looks.now());
  const found: Execution[] = [];
  let behind: RunMark | undefined;
  for (;;) {
    const { runs, lookedTo, next } = await reads.page({ ...filter, limit: PAGE, behind });
    found.push(...runs);
    if (found.length > MOST) throw tooWide(`fits more than ${MOST} runs: make it narrower`);
    // An act on a part of what fits is not what was asked for.
    if (lookedTo !== null) {
      const at = lookedTo.toISOString();
      throw tooWide(`has no index, and was looked for as far as ${at} only: make it narrower: give since:${at}`);
    }
    if (next === null) return found;
    behind = next;
  }
}

function tooWide(message: string): InvalidInputError {
  return new InvalidInputError('The request', [{ path: 'q', message }]);
}

/** Of these runs those that an act which starts them anew leaves out. */
async function retriedOf(call: Call, act: Act, runs: readonly Execution[]): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  if (!startsAnew(act)) return found;
  const reads = await call.services.looks.reads();
  for (let at = 0; at < runs.length; at += PAGE) {
    const some = runs.slice(at, at + PAGE).map(({ id }) => id);
    for (const id of (await reads.retried(some)).keys()) found.add(id);
  }
  return found;
}

/** Who acts on many needs the right to the act too. */
async function mustBeAllowed(call: Call, act: string): Promise<void> {
  const action = `run.${act}` as DashboardAction;
  if (!(await call.may(action))) throw new RequestError(403, 'FORBIDDEN', `You may not do this (${action}).`);
}

const preview = route({
  method: 'POST',
  path: 'bulk/preview',
  action: 'run.bulk',
  silent: true,
  input(read) {
    const act = read.oneOf('act', 'retry', ACTS);
    if (!read.keys().includes('act')) read.expected('act', `one of ${ACTS.join(', ')}`, undefined);
    const q = anyText(read, 'q');
    const ids = read.has('ids') ? listOf(read.take('ids')) : null;
    if ((q === null) === (ids === null)) read.fault('q', 'expected either q or ids');
    if (ids !== null && (ids.length > MOST || !ids.every((id) => isUuid(id))))
      read.expected('ids', `up to ${MOST} ids of runs`, ids);
    const options = read.object('options');
    const told = {
      reason: (options && anyText(options, 'reason', 10_000)) ?? undefined,
      compensate: options?.boolean('compensate', undefined),
      step: options?.text('step', undefined),
    };
    options?.refuseOthers();
    if (act === 'restart' && told.step === undefined) read.fault('options', 'expected a step to restart from');
    return { act, q, ids: ids as string[] | null, options: told };
  },
  async handle(call, { act, q, ids: given, options }) {
    await mustBeAllowed(call, act);
    // A run that is named twice is acted on once.
    const ids = given === null ? null : [...new Set(given.map((id) => id.toLowerCase()))];
    const runs = await runsOf(call, q, ids);
    const excluded = new Map<string, number>();
    const retried = await retriedOf(call, act, runs);
    const eligible = runs.filter((run) => {
      const why = obstacle(act, run) ?? (retried.has(run.id) ? RETRIED : null);
      if (why !== null) excluded.set(why, (excluded.get(why) ?? 0) + 1);
      return why === null;
    });
    if (ids !== null && ids.length > runs.length) excluded.set('is not there', ids.length - runs.length);
    const token = await call.services.bulk.prepare({ act, ids: eligible.map(({ id }) => id), options, q });
    return {
      token,
      count: ids?.length ?? runs.length,
      eligible: eligible.length,
      excluded: [...excluded].map(([why, n]) => ({ why, n })),
      sample: eligible.slice(0, SAMPLE).map(({ id, workflow, status }) => ({ id, workflow, status })),
    };
  },
});

function isOver(): RequestError {
  return new RequestError(409, 'BULK_CHANGED', 'This preview is over: look again at what it would do.');
}

const bulk = route({
  method: 'POST',
  path: 'bulk',
  action: 'run.bulk',
  input: (read) => ({
    token: read.text('token', ''),
    count: read.integer('count', -1, { min: 0, max: MOST }),
    reason: anyText(read, 'reason', 10_000),
  }),
  async handle(call, { token, count, reason }) {
    const { services } = call;
    const found = await services.bulk.find(token);
    if (found === null) throw isOver();
    const prepared = reason === null ? found : { ...found, options: { ...found.options, reason } };
    call.note({ act: prepared.act, q: prepared.q, count: prepared.ids.length, reason: prepared.options['reason'] });
    await mustBeAllowed(call, prepared.act);
    if (count !== prepared.ids.length) {
      throw new RequestError(409, 'BULK_CHANGED', `It would be done to ${prepared.ids.length} runs, not to ${count}.`);
    }
    const tell = (job: string, { done, failed, total, excluded }: BulkState): void => {
      const data = { id: job, done, failed, total, ...(excluded && { excluded }) };
      services.streams.tell({ kind: 'bulk', topic: `bulk:${job}`, runId: null, data });
    };
    const id = await services.bulk.start(token, prepared, actor(call, prepared), tell);
    if (id === null) throw isOver();
    call.note({ bulk: id });
    return json(202, { id });
  },
});

const state = route({
  method: 'GET',
  path: 'bulk/:id',
  action: 'run.bulk',
  input: nothing,
  async handle(call) {
    const found = await call.services.bulk.state(call.params['id'] ?? '');
    if (found === null)
      throw new RequestError(
        404,
        'NOT_FOUND',
        'Nothing is known of it: there is none of this id, or it was begun more than a day ago.',
      );
    return found;
  },
});

export const bulkRoutes = [preview, bulk, state];
