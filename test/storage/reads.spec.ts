import { jest } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { encode } from '../../lib/core/codec/codec.js';
import { ExecutionNotFoundError } from '../../lib/core/errors/errors.js';
import type { InFlight, RunListFilters } from '../../lib/core/run/execution.js';
import { NO_REDACTION } from '../../lib/core/redact/redact.js';
import { EXECUTION_STATUSES } from '../../lib/core/run/status.js';
import { uuidv7 } from '../../lib/core/uuid.js';
import { PgReads } from '../../lib/storage/reads/reads.js';
import { type Query, queryOf } from '../../lib/storage/connection/transaction.js';
import { Rows } from './rows.js';

let rows: Rows;
let reads: PgReads;
let own: InFlight[] = [];
let me = 0;
const statements: string[] = [];

beforeEach(async () => {
  rows = await Rows.open();
  own = [];
  me = 0;
  const inFlight = (id?: string): InFlight[] => own.filter((one) => id === undefined || one.runId === id);
  const send = queryOf(rows.pool);
  const query: Query = (text, parameters) => {
    statements.push(text);
    return send(text, parameters);
  };
  reads = new PgReads({ query, schema: 'durable', inFlight, workerId: () => me, redact: NO_REDACTION });
});

afterEach(() => rows.close());

function attempt(runId: string, changes: Partial<InFlight> = {}): InFlight {
  const startedAt = Date.UTC(2026, 0, 1);
  return {
    runId, step: 'ship', path: 'ship', type: 'step', round: 1, visit: 1, attempt: 1, input: 0, startedAt, ...changes,
  }; // prettier-ignore
}

/** One run in each status that there can be; gives the ids by status. */
async function oneOfEach(columns: Record<string, unknown> = {}): Promise<Record<string, string>> {
  const worker = await rows.worker();
  const begun = { started_at: new Date() };
  const error = encode({ name: 'Error', message: 'no' });
  return {
    pending: await rows.open({}, columns),
    delayed: await rows.open({ state: 'sleeping', due_at: new Date('2100-01-01') }, columns),
    resumed: await rows.open(begun, columns),
    running: await rows.open({ ...begun, state: 'running', worker_id: worker }, columns),
    pausing: await rows.open({ ...begun, state: 'running', worker_id: worker, paused: true }, columns),
    waiting: await rows.open({ ...begun, state: 'sleeping', due_at: 'infinity' }, columns),
    paused: await rows.open({ ...begun, state: 'sleeping', paused: true }, columns),
    completed: await rows.run({ ...columns, status: 'completed' }),
    failed: await rows.run({ ...columns, status: 'failed', error }),
    cancelled: await rows.run({ ...columns, status: 'cancelled', error }),
    compensated: await rows.run({ ...columns, status: 'compensated', error }),
    compensation_failed: await rows.run({ ...columns, status: 'compensation_failed', error }),
  };
}

/** Which of the runs of `oneOfEach` have which status. */
const RUNS = {
  pending: ['pending', 'delayed', 'resumed'],
  running: ['running', 'pausing'],
  waiting: ['waiting'],
  paused: ['paused'],
  completed: ['completed'],
  failed: ['failed'],
  cancelled: ['cancelled'],
  compensating: [],
  compensated: ['compensated'],
  compensation_failed: ['compensation_failed'],
} as const satisfies Record<(typeof EXECUTION_STATUSES)[number], readonly string[]>;

describe('one run', () => {
  it('has every field', async () => {
    const parent = randomUUID();
    const at = (day: number): Date => new Date(Date.UTC(2026, 0, day));
    const input = { when: new Date(0), n: 1n };
    const id = await rows.run({
      status: 'failed', input: encode(input), queue: 'ai', priority: 3, tags: { a: 'b' }, round: 2, data_seq: 1,
      error: encode({ name: 'TypeError', message: 'no', code: 'E1' }), parent_id: parent, retry_of: parent,
      created_at: at(1), scheduled_at: at(2), started_at: at(3), completed_at: at(4), updated_at: at(4),
    }); // prettier-ignore
    await rows.record(id, 1, { output: encode({ set: new Set([1]) }) });
    expect(await reads.getExecution(id)).toEqual({
      id, workflow: 'order', status: 'failed', queue: 'ai', priority: 3, input, data: { set: new Set([1]) },
      error: { name: 'TypeError', message: 'no', code: 'E1' }, currentSteps: [], parentId: parent, retryOf: parent,
      tags: { a: 'b' }, round: 2, version: 1, pauseRequested: false, scheduledAt: at(2), startedAt: at(3), completedAt: at(4),
      compensatedAt: null, compensationResults: [], createdAt: at(1), updatedAt: at(4),
    }); // prettier-ignore
  });

  it('is null where there is none', async () => {
    expect(await reads.getExecution(randomUUID())).toBeNull();
  });

  it('has the status that its row in the queue says', async () => {
    const ids = await oneOfEach();
    for (const status of EXECUTION_STATUSES) {
      for (const name of RUNS[status]) {
        const found = await reads.getExecution(ids[name] ?? '');
        expect([name, found?.status, found?.pauseRequested]).toEqual([name, status, name === 'pausing']);
      }
    }
  });

  it('has as data what the last completed step of its round returned', async () => {
    const id = await rows.open({ started_at: new Date() }, { data_seq: 0, started_at: null });
    expect(await reads.getExecution(id)).toMatchObject({ input: { n: 1 }, data: { n: 1 } });
    await rows.record(id, 1, { output: '{"n":2}' });
    await rows.record(id, 2, { output: null });
    await rows.record(id, 3, { output: '"once"', type: 'once' });
    await rows.record(id, 4, { output: null, status: 'failed', error: '{}' });
    const found = await reads.getExecution(id);
    expect(found).toMatchObject({ input: { n: 1 }, data: { n: 2 } });
    expect(found?.startedAt).toBeInstanceOf(Date);
    await rows.pool.query('UPDATE durable.workflow_executions SET round = 2 WHERE id = $1', [id]);
    expect(await reads.getExecution(id)).toMatchObject({ data: { n: 1 } });
  });

  it('stands at the steps that run here or elsewhere, else where it was suspended', async () => {
    const other = await rows.worker();
    const begun = { started_at: new Date() };
    const id = await rows.open(
      { ...begun, state: 'running', worker_id: other },
      { snapshot: '{"root":{"node":"old"}}' },
    );
    expect(await reads.getExecution(id)).toMatchObject({ currentSteps: ['old'] });
    own = [attempt(id, { step: 'here', path: 'here' }), attempt(randomUUID())];
    await rows.pool.query('UPDATE durable.workers SET in_flight = $1', [
      JSON.stringify([attempt(id, { step: 'there', path: 'there' }), attempt(randomUUID(), { step: 'other' })]),
    ]);
    expect(await reads.getExecution(id)).toMatchObject({ currentSteps: ['here', 'there'] });
    await rows.pool.query('UPDATE durable.workers SET dead_at = now()');
    expect(await reads.getExecution(id)).toMatchObject({ currentSteps: ['here'] });
    await rows.pool.query(`UPDATE durable.workers SET dead_at = NULL, expires_at = now() - interval '1 s'`);
    expect(await reads.getExecution(id)).toMatchObject({ currentSteps: ['here'] });
  });

  it('asks this process itself, not what it has published, which may be over by now', async () => {
    me = await rows.worker();
    const other = await rows.worker();
    const begun = { started_at: new Date() };
    const id = await rows.open({ ...begun, state: 'running', worker_id: me }, { snapshot: '{"root":{"node":"old"}}' });
    const publish = (worker: number, step: string) =>
      rows.pool.query('UPDATE durable.workers SET in_flight = $2 WHERE id = $1', [
        worker,
        JSON.stringify([attempt(id, { step, path: step })]),
      ]);
    await publish(me, 'before');
    await publish(other, 'there');
    own = [attempt(id, { step: 'here', path: 'here' })];
    expect(await reads.attemptsOf([id])).toMatchObject([{ step: 'here' }, { step: 'there' }]);
    own = [];
    expect(await reads.attemptsOf([id])).toMatchObject([{ step: 'there' }]);
  });

  it('stands at its loop where a list would have to read a long snapshot', async () => {
    const open = Object.fromEntries(Array.from({ length: 500 }, (_, n) => [n, { node: 'send', at: n, step: null }]));
    const root = { node: 'a "loop"', at: 1, step: { kind: 'forEach', fan: { kind: 'forEach', open } } };
    const snapshot = JSON.stringify({ round: 1, root });
    const id = await rows.open({ started_at: new Date(), state: 'sleeping', due_at: 'infinity' }, { snapshot });
    expect(await reads.getExecution(id)).toMatchObject({ currentSteps: ['send'] });
    expect(await reads.listExecutions()).toMatchObject([{ currentSteps: ['a "loop"'] }]);
  });

  it.each(['{', '[]', 'null', '{"root":null}', '{"root":{"node":7}}'])(
    'reads snapshot %s of whatever version',
    async (snapshot) => {
      const worker = await rows.worker({ in_flight: snapshot });
      const id = await rows.open({ started_at: new Date(), state: 'running', worker_id: worker }, { snapshot });
      expect(await reads.getExecution(id)).toMatchObject({ currentSteps: [] });
      expect(await reads.getSteps(id)).toEqual([]);
    },
  );
});

describe('lists and counts', () => {
  it('lists the newest first, without payloads, by pages', async () => {
    const ids: string[] = [];
    for (let n = 0; n < 5; n++) ids.unshift(await (n % 2 === 0 ? rows.run({ status: 'completed' }) : rows.open({})));
    const all = await reads.listExecutions();
    expect(all.map((run) => run.id)).toEqual(ids);
    expect(all.every((run) => run.input === undefined && run.data === undefined)).toBe(true);
    const page = await reads.listExecutions({ limit: 2, offset: 1 });
    expect(page.map((run) => run.id)).toEqual(ids.slice(1, 3));
    const upwards = await reads.listExecutions({ order: 'asc', limit: 3 });
    expect(upwards.map((run) => run.id)).toEqual(ids.toReversed().slice(0, 3));
  });

  it('filters and counts by every status, alone and in any mixture', async () => {
    const ids = await oneOfEach();
    const byName = Object.fromEntries(Object.entries(ids).map(([name, id]) => [id, name]));
    const names = async (status: Parameters<typeof reads.listExecutions>[0]): Promise<string[]> =>
      (await reads.listExecutions(status)).map((run) => byName[run.id] ?? '').toSorted();
    for (const one of EXECUTION_STATUSES) {
      expect(await names({ status: one })).toEqual([...RUNS[one]].toSorted());
      expect(await reads.countExecutions({ status: [one] })).toBe(RUNS[one].length);
      for (const two of EXECUTION_STATUSES) {
        const expected = new Set<string>([...RUNS[one], ...RUNS[two]]);
        expect(await names({ status: [one, two] })).toEqual([...expected].toSorted());
        expect(await reads.countExecutions({ status: [one, two] })).toBe(expected.size);
      }
    }
    expect(await names({ status: EXECUTION_STATUSES })).toHaveLength(12);
    expect(await reads.countExecutions({ status: EXECUTION_STATUSES })).toBe(12);
    expect(await names({ status: [] })).toEqual([]);
    expect(await reads.countExecutions({ status: [] })).toBe(0);
  });

  it('pages over finished and unfinished runs together', async () => {
    const ids: string[] = [];
    for (let n = 0; n < 8; n++) ids.unshift(await (n % 2 === 0 ? rows.run({ status: 'completed' }) : rows.open({})));
    for (let offset = 0; offset < 8; offset += 3) {
      const page = await reads.listExecutions({ status: ['completed', 'pending'], limit: 3, offset });
      expect(page.map((run) => run.id)).toEqual(ids.slice(offset, offset + 3));
    }
  });

  it('leaves out the rows of steps on other queues', async () => {
    const id = await rows.open({ state: 'sleeping', due_at: 'infinity', started_at: new Date() });
    await rows.queued({ step_of: id, step: '{}' });
    expect(await reads.listExecutions({ status: 'pending' })).toEqual([]);
    expect(await reads.executionCounts()).toMatchObject({ pending: 0, waiting: 1 });
  });

  it.each([
    ['workflow', { workflow: 'invoice' }, { workflow: 'invoice' }],
    ['queue', { queue: 'ai' }, { queue: 'ai' }],
    [
      'parentId',
      { parentId: '0199a1de-0000-7000-8000-000000000001' },
      { parent_id: '0199a1de-0000-7000-8000-000000000001' },
    ],
    ['tags', { tags: { a: '1' } }, { tags: { a: '1', b: '2' } }],
    ['since', { since: new Date('2030-01-01') }, { created_at: new Date('2030-01-01') }],
    ['until', { until: new Date('2020-01-01') }, { created_at: new Date('2019-12-31T23:59:59.999Z') }],
  ])('filters by %s, among finished and unfinished runs', async (_, filters, columns) => {
    await oneOfEach();
    const definition_id = 'workflow' in columns ? await rows.addDefinition(columns.workflow, 1) : rows.definitionId;
    const wanted = [
      await rows.run({ status: 'completed', ...columns }),
      await rows.open({}, { definition_id, ...columns }),
    ];
    const found = await reads.listExecutions({ ...filters, order: 'asc' });
    expect(found.map((run) => run.id)).toEqual(wanted);
    expect(await reads.countExecutions(filters)).toBe(2);
    const one = await reads.listExecutions({ ...filters, status: 'pending' });
    expect(one.map((run) => run.id)).toEqual([wanted[1]]);
    expect(await reads.countExecutions({ ...filters, status: 'completed' })).toBe(1);
  });

  it('joins filters with "and", and takes no value for SQL', async () => {
    await rows.run({ status: 'completed', queue: 'ai' });
    expect(await reads.countExecutions({ queue: 'ai', workflow: 'invoice' })).toBe(0);
    expect(await reads.listExecutions({ workflow: `'; DROP TABLE durable.workflow_executions; --` })).toEqual([]);
    expect(await reads.countExecutions({ tags: { "'": '"' } })).toBe(0);
    expect(await reads.countExecutions()).toBe(1);
  });

  describe('go by the time of the start, whatever the ids say', () => {
    /** Of several workflows and queues, some of them started at one time; newest first. */
    async function started(): Promise<{ ids: string[]; unfinished: string[] }> {
      const invoice = await rows.addDefinition('invoice', 1);
      const all: { id: string; at: number; open: boolean }[] = [];
      for (let n = 0; n < 24; n++) {
        const at = Date.UTC(2026, 0, 1, 0, n >> 2);
        const columns = {
          id: n % 3 === 0 ? uuidv7(Date.UTC(2030, 0, 1) - n) : randomUUID(),
          created_at: new Date(at),
          queue: n % 5 === 0 ? 'ai' : 'default',
          ...(n % 7 === 0 && { workflow: 'invoice', definition_id: invoice }),
        };
        const open = n % 2 === 0;
        all.push({
          id: open ? await rows.open({}, columns) : await rows.run({ ...columns, status: 'completed' }),
          at,
          open,
        });
      }
      all.sort((a, b) => b.at - a.at || (a.id < b.id ? 1 : -1));
      return { ids: all.map(({ id }) => id), unfinished: all.filter(({ open }) => open).map(({ id }) => id) };
    }

    const idsOf = async (filters: RunListFilters): Promise<string[]> =>
      (await reads.listExecutions(filters)).map((run) => run.id);

    it('pages follow one another without a gap and without a run twice', async () => {
      const { ids, unfinished } = await started();
      const cases: [RunListFilters, string[]][] = [
        [{}, ids],
        [{ status: 'pending' }, unfinished],
        [{ status: ['pending', 'completed'] }, ids],
        [{ status: 'completed' }, ids.filter((id) => !unfinished.includes(id))],
      ];
      for (const [filters, expected] of cases) {
        expect(await idsOf(filters)).toEqual(expected);
        const down: string[] = [];
        for (let before: string | undefined; ; before = down.at(-1)) {
          const page = await idsOf({ ...filters, limit: 5, before });
          if (page.length === 0) break;
          down.push(...page);
        }
        expect(down).toEqual(expected);
        const up: string[] = [];
        for (let after: string | undefined; ; after = up.at(-1)) {
          const page = await idsOf({ ...filters, limit: 5, after, order: 'asc' });
          if (page.length === 0) break;
          up.push(...page);
        }
        expect(up).toEqual(expected.toReversed());
      }
    });

    it('a window between two runs, from either end', async () => {
      const { ids } = await started();
      const [before, after] = [ids[3], ids[12]];
      expect(await idsOf({ before, after })).toEqual(ids.slice(4, 12));
      expect(await idsOf({ after, limit: 2 })).toEqual(ids.slice(0, 2));
      expect(await idsOf({ after, limit: 2, order: 'asc' })).toEqual(ids.slice(10, 12).toReversed());
      expect(await idsOf({ before, limit: 2, offset: 1 })).toEqual(ids.slice(5, 7));
      const since = new Date(Date.UTC(2026, 0, 1, 0, 2));
      const until = new Date(Date.UTC(2026, 0, 1, 0, 4));
      expect(await idsOf({ since, until })).toEqual(ids.slice(8, 16));
      expect(await idsOf({ since, until, before: ids[9] })).toEqual(ids.slice(10, 16));
    });

    it('so do those of one workflow, of one queue, of both', async () => {
      const { ids } = await started();
      const runs = await Promise.all(ids.map((id) => reads.getExecution(id)));
      for (const filters of [{ workflow: 'invoice' }, { queue: 'ai' }, { workflow: 'invoice', queue: 'ai' }]) {
        const fits = runs.filter((run) =>
          Object.entries(filters).every(([key, value]) => run?.[key as 'queue'] === value),
        );
        const expected = fits.map((run) => run?.id);
        expect(await idsOf(filters)).toEqual(expected);
        expect(await idsOf({ ...filters, before: expected[0] })).toEqual(expected.slice(1));
        expect(await reads.countExecutions(filters)).toBe(expected.length);
        const done = fits.filter((run) => run?.status === 'completed').length;
        expect(await reads.countExecutions({ ...filters, status: 'completed' })).toBe(done);
        expect(await reads.countExecutions({ ...filters, status: ['pending', 'completed'] })).toBe(expected.length);
      }
    });

    it('a run that is not there is no place to go on from', async () => {
      await rows.run({ status: 'completed' });
      for (const cursor of ['before', 'after']) {
        await expect(reads.listExecutions({ [cursor]: randomUUID() })).rejects.toBeInstanceOf(ExecutionNotFoundError);
      }
    });
  });

  it('finds tags among the newest runs and among all', async () => {
    const old = [];
    for (let n = 0; n < 3; n++)
      old.unshift(await rows.run({ status: 'completed', tags: { a: '1' }, created_at: new Date(n) }));
    await rows.pool.query(
      `INSERT INTO durable.workflow_executions (id, created_at, updated_at, completed_at, definition_id, priority, workflow, queue, input, status)
       SELECT gen_random_uuid(), t, t, t, $1, 0, 'order', 'default', '{}', 'completed'
       FROM generate_series(1, 2500) AS n, LATERAL (SELECT now() - n * interval '1 s' AS t) at`,
      [rows.definitionId],
    );
    const recent = await rows.open({}, { tags: { a: '1', b: '2' } });
    const idsOf = async (filters: RunListFilters): Promise<string[]> =>
      (await reads.listExecutions({ tags: { a: '1' }, ...filters })).map((run) => run.id);
    expect(await idsOf({})).toEqual([recent, ...old]);
    expect(await idsOf({ limit: 1 })).toEqual([recent]);
    expect(await idsOf({ limit: 2, offset: 1 })).toEqual(old.slice(0, 2));
    expect(await idsOf({ before: old[0] })).toEqual(old.slice(1));
    expect(await idsOf({ status: 'completed', order: 'asc' })).toEqual(old.toReversed());
    expect(await idsOf({ status: 'pending' })).toEqual([recent]);
    expect(await reads.countExecutions({ tags: { a: '1' }, status: ['completed', 'pending'] })).toBe(4);
  });

  it('asks the workers once, however long the list', async () => {
    const worker = await rows.worker();
    const running = { started_at: new Date(), state: 'running', worker_id: worker };
    const ids = [await rows.open(running), await rows.open(running), await rows.open(running)];
    await rows.pool.query('UPDATE durable.workers SET in_flight = $1', [JSON.stringify(ids.map((id) => attempt(id)))]);
    statements.length = 0;
    const found = await reads.listExecutions();
    expect(found.map((run) => run.currentSteps)).toEqual([['ship'], ['ship'], ['ship']]);
    expect(statements).toHaveLength(2);
  });

  it('gives a number for every status', async () => {
    expect(Object.entries(await reads.executionCounts())).toEqual(EXECUTION_STATUSES.map((status) => [status, 0]));
    await oneOfEach();
    // Paused by the engine, with the reason: unfinished all the same.
    await rows.open({ paused: true }, { error: '{"name":"DefinitionChangedError","message":""}' });
    expect(await reads.executionCounts()).toEqual({
      pending: 3, running: 2, waiting: 1, paused: 2, completed: 1, failed: 1, cancelled: 1, compensating: 0,
      compensated: 1, compensation_failed: 1,
    }); // prettier-ignore
  });
});

describe('steps', () => {
  it('are the records in order, each with the input it had', async () => {
    const id = await rows.run({ status: 'completed', input: encode({ at: new Date(0) }) });
    const at = new Date('2026-01-01T00:00:01.000Z');
    const error = encode({ name: 'Error', message: 'no' });
    await rows.record(id, 1, { path: 'reserve%2Fstock', status: 'failed', error, completed_at: at, duration_ms: 400 });
    await rows.record(id, 2, { path: 'charge~~key', type: 'once', output: '7' });
    await rows.record(id, 3, { path: 'reserve%2Fstock', attempt: 2, output: '{"n":2}' });
    await rows.record(id, 4, { path: 'ship', input_seq: 3 });
    const steps = await reads.getSteps(id);
    expect(
      steps?.map((step) => [step.step, step.attempt, step.status, step.input, step.output, step.error?.message]),
    ).toEqual([
      ['reserve/stock', 1, 'failed', { at: new Date(0) }, null, 'no'],
      ['reserve/stock', 2, 'completed', { at: new Date(0) }, { n: 2 }, undefined],
      ['ship', 1, 'completed', { n: 2 }, null, undefined],
    ]);
    expect(steps?.[0]).toMatchObject({
      path: 'reserve%2Fstock', type: 'step', round: 1, visit: 1, completedAt: at, durationMs: 400,
      startedAt: new Date('2026-01-01T00:00:00.600Z'), isCompensation: false, compensationFor: null, childId: null,
    }); // prettier-ignore
  });

  it('come by pages, and without their data', async () => {
    const worker = await rows.worker();
    const id = await rows.open({ started_at: new Date(), state: 'running', worker_id: worker });
    for (let n = 1; n <= 4; n++) await rows.record(id, n, { path: `step${n}`, input_seq: n - 1, output: `{"n":${n}}` });
    own = [attempt(id)];
    const all = (await reads.getSteps(id)) ?? [];
    expect(all.map(({ step }) => step)).toEqual(['step1', 'step2', 'step3', 'step4', 'ship']);
    const page = { limit: 2, offset: 3, includeData: true };
    expect(await reads.getSteps(id, page)).toEqual(all.slice(3));
    expect(await reads.getSteps(id, { ...page, offset: 5 })).toEqual([]);
    const bare = all.slice(3).map((step) => ({ ...step, input: undefined, output: undefined }));
    const shown = (await reads.getSteps(id, { ...page, includeData: false })) ?? [];
    expect(shown.map((step) => ({ ...step, output: undefined }))).toEqual(bare);
    expect(shown[0]?.output).toBeUndefined();
  });

  it('of a loop are decoded once, however many items it has', async () => {
    const items = 300;
    const id = await rows.open({ started_at: new Date() });
    await rows.record(id, 1, {
      path: 'each',
      type: 'forEach',
      output: encode(Array.from({ length: items }, (_, n) => ({ n }))),
    });
    for (let n = 0; n < items; n++) {
      await rows.record(id, n + 2, { path: `each[${n}]/send`, input_seq: 1, input_item: n, output: '{}' });
      await rows.wait(id, { kind: 'event', path: `each[${n}]/ask` });
    }
    const parse = jest.spyOn(JSON, 'parse');
    try {
      const steps = (await reads.getSteps(id)) ?? [];
      const long = parse.mock.calls.filter(([text]) => text.length > items);
      expect([steps.length, long.length]).toEqual([2 * items + 1, 2]);
      expect(steps[items]).toMatchObject({ step: 'send', input: { n: items - 1 } });
    } finally {
      parse.mockRestore();
    }
  });

  it('are null for a run that is not', async () => {
    expect(await reads.getSteps(randomUUID())).toBeNull();
  });

  it('end with those that run now, each once, whoever tells', async () => {
    const worker = await rows.worker();
    const id = await rows.open({ started_at: new Date(), state: 'running', worker_id: worker });
    await rows.record(id, 1, { path: 'charge', output: '{"n":2}' });
    own = [attempt(id, { attempt: 2, input: 1 })];
    // As published by the heartbeat before: one of them has ended since.
    const published = [
      attempt(id, { step: 'charge', path: 'charge' }),
      attempt(id, { attempt: 2 }),
      attempt(randomUUID()),
    ];
    await rows.pool.query('UPDATE durable.workers SET in_flight = $1', [JSON.stringify(published)]);
    const steps = await reads.getSteps(id);
    expect(steps?.map((step) => [step.step, step.attempt, step.status])).toEqual([
      ['charge', 1, 'completed'],
      ['ship', 2, 'running'],
    ]);
    expect(steps?.[1]).toMatchObject({
      input: { n: 2 }, output: null, error: null, startedAt: new Date(Date.UTC(2026, 0, 1)), completedAt: null,
      durationMs: null,
    }); // prettier-ignore
  });

  it('wait and run with their own data and the kind of their member, whatever others have recorded since', async () => {
    const worker = await rows.worker();
    const id = await rows.open({ started_at: new Date(), state: 'running', worker_id: worker });
    await rows.record(id, 1, { path: 'before', output: '{"n":2}' });
    await rows.record(id, 2, { path: 'each', type: 'forEach', output: '[10,20]' });
    await rows.record(id, 3, { path: 'other.arm/late', output: '{"n":3}' });
    await rows.wait(id, { kind: 'event', type: 'decision', path: 'other.a/ask', input_seq: 1 });
    await rows.wait(id, { kind: 'event', type: 'branch', path: 'each[1]/pick', input_seq: 2, input_item: 1 });
    await rows.wait(id, { kind: 'event', path: 'other.b/lost', input_seq: 9 });
    own = [
      attempt(id, { path: 'each[0]/send', input: [2, 0] }),
      // As a process of another version may have published it.
      attempt(id, { path: 'other.c/old', input: undefined as never }),
    ];
    const steps = (await reads.getSteps(id)) ?? [];
    expect(steps.slice(3).map(({ step, type, status, input }) => [step, type, status, input])).toEqual([
      ['ask', 'decision', 'waiting', { n: 2 }],
      ['pick', 'branch', 'waiting', 20],
      ['lost', 'step', 'waiting', null],
      ['send', 'step', 'running', 10],
      ['old', 'step', 'running', null],
    ]);
  });

  it('run only while a worker has the run, or its step on another queue', async () => {
    const worker = await rows.worker();
    const id = await rows.open({ started_at: new Date(), state: 'sleeping', due_at: 'infinity' });
    await rows.pool.query('UPDATE durable.workers SET in_flight = $1', [JSON.stringify([attempt(id)])]);
    expect(await reads.getSteps(id)).toEqual([]);
    await rows.queued({ step_of: id, step: '{}', state: 'running', worker_id: worker });
    expect(await reads.getSteps(id)).toMatchObject([{ step: 'ship', status: 'running', input: { n: 1 } }]);
  });
});

describe('workflows', () => {
  it('come with their present definition, their counts and their last run', async () => {
    const invoice = await rows.addDefinition('invoice', 1);
    const latest = await rows.addDefinition('invoice', 2);
    await oneOfEach();
    const last = await rows.open({ definition_id: latest }, { workflow: 'invoice', definition_id: latest });
    await rows.pool.query("UPDATE durable.workflow_definitions SET last_seen = now() + interval '1 s' WHERE id = $1", [
      latest,
    ]);
    await rows.addDefinition('unused', 1);
    const all = await reads.listWorkflows();
    expect(invoice).not.toBe(latest);
    expect(all.map((one) => [one.name, one.version, one.totals.pending, one.totals.failed])).toEqual([
      ['invoice', 2, 1, 0],
      ['order', 1, 3, 1],
      ['unused', 1, 0, 0],
    ]);
    expect(all[0]).toMatchObject({
      description: 'all about invoice', queue: 'default', graph: { name: 'invoice' }, lastRun: { id: last, status: 'pending' },
    }); // prettier-ignore
    expect(all[0]?.mermaid).toMatch(/^flowchart TD\n/);
    expect(all[1]?.lastRun?.status).toBe('compensation_failed');
    expect(all[2]?.lastRun).toBeNull();
  });
});
