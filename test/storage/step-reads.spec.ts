import { encode } from '../../lib/core/codec/codec.js';
import type { ForEachNode, Sequence, WorkflowDefinition, WorkflowNode } from '../../lib/core/definition/definition.js';
import { loopPlaces } from '../../lib/core/definition/loop-places.js';
import { NO_REDACTION } from '../../lib/core/redact/redact.js';
import type { InFlight } from '../../lib/core/run/execution.js';
import { queryOf } from '../../lib/storage/connection/transaction.js';
import { collapsing, type LoopItem, type LoopRow } from '../../lib/storage/reads/loop-reads.js';
import { PgLogReads } from '../../lib/storage/reads/log-reads.js';
import { PgStepReads, placeOf, type StepRow, type StepsPage } from '../../lib/storage/reads/step-reads.js';
import { Rows } from './rows.js';

let rows: Rows;
let reads: PgStepReads;
let running: InFlight[] = [];
let definition: WorkflowDefinition | null = null;
const NOBODY = '00000000-0000-4000-8000-000000000000';

beforeEach(async () => {
  rows = await Rows.open();
  running = [];
  definition = null;
  reads = new PgStepReads({
    query: queryOf(rows.pool),
    schema: 'durable',
    redact: NO_REDACTION,
    inFlight: async () => running,
    definition: async () => definition,
  });
});

afterEach(() => rows.close());

const ALL: StepsPage = { under: null, statuses: null, from: null, limit: 10_000 };
const nameOf = (row: StepRow | LoopRow): string => ('cells' in row ? `${row.path} ${row.visit}` : row.path);
const namesOf = async (id: string, page: Partial<StepsPage> = {}): Promise<string[]> =>
  ((await reads.page(id, { ...ALL, ...page })) ?? []).map(nameOf);

async function sumsOf(id: string): Promise<LoopRow[]> {
  return ((await reads.page(id, ALL)) ?? []).flatMap((row) => ('cells' in row ? [row] : []));
}

function node(kind: 'step' | 'decision', name: string): WorkflowNode {
  return { kind, name, member: name, settings: {}, goto: [], maxVisits: 1 } as never;
}

function loop(name: string, arm: Sequence, more: Partial<ForEachNode> = {}): ForEachNode {
  const settings = {} as ForEachNode['settings'];
  return {
    kind: 'forEach',
    name,
    member: name,
    settings,
    arm,
    onError: 'failFast',
    concurrency: 10,
    results: 'all',
    ...more,
  };
}

const fan = (
  kind: 'branch' | 'parallel',
  name: string,
  arms: Record<string, Sequence>,
  more: object = {},
): WorkflowNode => ({ kind, name, member: name, settings: {}, arms, onError: 'failFast', ...more }) as never;

function attempt(runId: string, changes: Partial<InFlight> = {}): InFlight {
  const startedAt = Date.UTC(2026, 0, 1);
  const given = {
    runId,
    step: 'ship',
    path: 'ship',
    type: 'step',
    round: 1,
    visit: 1,
    attempt: 1,
    input: 0,
    startedAt,
  };
  return { ...given, ...changes };
}

/** A run that has two long loops, one of them twice, and a short one within. Records are numbered with gaps. */
async function looping(): Promise<string> {
  const worker = await rows.worker();
  const id = await rows.open({ started_at: new Date(), state: 'running', worker_id: worker });
  let seq = 0;
  const record = (path: string, columns: object = {}) => rows.record(id, (seq += 3), { path, ...columns });
  const begin = (path: string, items: number, columns: object = {}) =>
    record(path, { type: 'forEach', facts: JSON.stringify({ items }), output: '[]', ...columns });
  await record('first');
  await begin('long', 201);
  for (let n = 0; n < 3; n++) await record(`long[${n}]/send`);
  await record('between', { type: 'decision' });
  await begin('long', 2, { visit: 2 });
  await record('long[0]/send', { visit: 2 });
  await begin('short', 200);
  await record('short[7]/pick', { type: 'branch' });
  await begin('short[7]/deep', 900);
  await record('short[7]/deep[899]/send');
  await record('longer');
  await rows.wait(id, { kind: 'event', path: 'long[1]/ask', visit: 2 });
  await rows.wait(id, { kind: 'event', path: 'ask' });
  running = [attempt(id), attempt(id, { path: 'short[7]/deep[3]/send', step: 'send' })];
  return id;
}

const WHOLE = [
  'first', 'long', 'long[] 1', 'between', 'long', 'long[] 2', 'short', 'short[7]/pick', 'short[7]/deep', 'short[7]/deep[] 1',
  'longer', 'ship', 'ask',
]; // prettier-ignore

describe('a page of steps', () => {
  it('has the items of a loop of more than 200 as one row behind its selector, for each visit', async () => {
    const id = await looping();
    expect(await namesOf(id)).toEqual(WHOLE);
    expect(await namesOf(id, { under: 'short' })).toEqual(WHOLE.slice(6, 10));
    // Under an item nothing of that loop is summed up.
    expect(await namesOf(id, { under: 'long[1]' })).toEqual(['long[1]/send', 'long[1]/ask']);
    expect(await namesOf(id, { under: 'short[7]/deep[899]' })).toEqual(['short[7]/deep[899]/send']);
    expect(await namesOf(id, { under: 'lon' })).toEqual([]);
    expect(await namesOf(id, { statuses: ['waiting'] })).toEqual(['ask']);
    expect(await namesOf(id, { statuses: ['running', 'failed'] })).toEqual(['ship']);
    expect(await reads.page(NOBODY, ALL)).toBeNull();
  });

  it.each([1, 2, 3, 5, 13])('of %i rows follows the one before without a gap, there and back', async (limit) => {
    const id = await looping();
    const walk = async (way: 'next' | 'prev', from: StepsPage['from']): Promise<(StepRow | LoopRow)[]> => {
      const found: (StepRow | LoopRow)[] = [];
      for (;;) {
        const page = (await reads.page(id, { ...ALL, limit, from })) ?? [];
        found.push(...page.slice(0, limit));
        const last = found.at(-1);
        if (page.length <= limit || last === undefined) return found;
        from = { way, ...placeOf(last) };
      }
    };
    const there = await walk('next', null);
    expect(there.map(nameOf)).toEqual(WHOLE);
    const last = there.at(-1);
    const back = await walk('prev', { way: 'prev', ...placeOf(last as StepRow) });
    expect(back.map(nameOf)).toEqual(WHOLE.slice(0, -1).toReversed());
  });

  it('of 12 000 that began in one second has each once, with a number of its own that stays when others end', async () => {
    const most = 12_000;
    const id = await rows.open({ state: 'running', worker_id: await rows.worker(), started_at: new Date() });
    await rows.record(id, 1, {
      path: 'all',
      type: 'forEach',
      output: encode(Array.from({ length: most }, (_, n) => n)),
    });
    const begun = Date.UTC(2026, 0, 1);
    running = Array.from({ length: most }, (_, n) => ({ runId: id, step: 'send', path: `all[${n}]/send`, type: 'step', round: 1, visit: 1, attempt: 1, input: [1, n], startedAt: begun + (n % 1_000) })); // prettier-ignore
    const seen = new Map<number, string>();
    for (let from: StepsPage['from'] = null, last = false; !last;) {
      const page: (StepRow | LoopRow)[] = (await reads.page(id, { ...ALL, limit: 2_500, from })) ?? [];
      last = page.length <= 2_500;
      for (const row of page.slice(0, 2_500)) {
        seen.set(row.seq, row.path);
        from = { way: 'next', ...placeOf(row) };
      }
    }
    expect(new Set(seen.values()).size).toBe(most + 1);
    expect(seen.size).toBe(most + 1);
    running = running.filter((_, n) => n % 3 === 0);
    const some = [...seen].filter((_, at) => at % 800 === 7);
    const numbers = some.map(([, path]) => Number(/\d+/.exec(path)?.[0] ?? -1));
    const inputs: unknown[] = [];
    for (const [seq] of some) inputs.push((await reads.payloads(id, seq))?.input);
    // Of the others nothing is said: they have ended.
    expect(inputs).toEqual(numbers.map((n) => (n % 3 === 0 ? n : undefined)));
    expect(some.length).toBeGreaterThan(10);
  });

  it('has no payloads, and names the record of each input; one that runs keeps its number', async () => {
    const id = await looping();
    await rows.record(id, 100, {
      path: 'paid',
      input_seq: 6,
      output: '{"secret":1}',
      status: 'failed',
      error: encode({ name: 'E', message: 'no' }),
    });
    const found = (await reads.page(id, ALL)) ?? [];
    const paid = found.find((row) => row.path === 'paid') as StepRow;
    expect(paid).toMatchObject({ seq: 100, inputSeq: 6, status: 'failed', error: { name: 'E' }, step: 'paid' });
    for (const row of found)
      for (const key of ['input', 'output', 'logs', 'inputItem']) expect(row).not.toHaveProperty(key);
    const numbers = found.map(({ seq }) => seq);
    expect(numbers.every((seq) => Number.isSafeInteger(seq))).toBe(true);
    const ship = found.find((row) => row.path === 'ship');
    running = [...running, attempt(id, { path: 'more', startedAt: Date.UTC(2025, 0, 1) })];
    const again = (await reads.page(id, ALL)) ?? [];
    expect(again.find((row) => row.path === 'ship')?.seq).toBe(ship?.seq);
  });

  it('leaves out a running attempt that has ended since its process told of it', async () => {
    const id = await looping();
    running = [
      attempt(id, { path: 'first', step: 'first' }),
      attempt(id, { path: 'first', step: 'first', attempt: 2 }),
    ];
    const found = ((await reads.page(id, { ...ALL, under: 'first' })) ?? []) as StepRow[];
    expect(found.map(({ attempt: n, status }) => [n, status])).toEqual([[1, 'completed'], [2, 'running']]); // prettier-ignore
  });

  it('numbers a hundred attempts that began in one second apart', async () => {
    const id = await looping();
    running = Array.from({ length: 100 }, (_, n) => attempt(id, { path: `p${n}` }));
    const found = ((await reads.page(id, { ...ALL, statuses: ['running'] })) ?? []) as StepRow[];
    expect(new Set(found.map(({ seq }) => seq)).size).toBe(100);
  });
});

describe('the payloads of an attempt', () => {
  it('are its own: of a record, of an item of a loop, of one that waits or runs', async () => {
    const worker = await rows.worker();
    const id = await rows.open({ started_at: new Date(), state: 'running', worker_id: worker }, { input: '{"n":1}' });
    await rows.record(id, 1, {
      path: 'charge',
      output: encode({ at: new Date(0) }),
      logs: '1000 {"l":"log","m":"hi"}',
    });
    await rows.record(id, 2, { path: 'each', type: 'forEach', input_seq: 1, output: '[10,20]' });
    await rows.record(id, 3, {
      path: 'each[1]/send',
      input_seq: 2,
      input_item: 1,
      status: 'failed',
      error: encode({ name: 'E', message: 'no' }),
    });
    await rows.record(id, 4, { path: 'charge~~key', type: 'once', output: '7' });
    await rows.wait(id, { kind: 'event', path: 'each[0]/ask', input_seq: 2, input_item: 0 });
    running = [attempt(id, { input: 1 })];
    expect(await reads.payloads(id, 1)).toMatchObject({
      input: { n: 1 },
      output: { at: new Date(0) },
      error: null,
      logs: [{ message: 'hi', step: 'charge' }],
    });
    expect(await reads.payloads(id, 3)).toMatchObject({ input: 20, output: null, error: { message: 'no' }, logs: [] });
    const found = ((await reads.page(id, ALL)) ?? []) as StepRow[];
    const numberOf = (path: string): number => found.find((row) => row.path === path)?.seq ?? 0;
    expect(await reads.payloads(id, numberOf('each[0]/ask'))).toMatchObject({ input: 10, output: null });
    expect(await reads.payloads(id, numberOf('ship'))).toMatchObject({ input: { at: new Date(0) }, output: null });
    for (const seq of [4, 5, 0, 2 ** 52, 2 ** 53 - 1]) expect(await reads.payloads(id, seq)).toBeNull();
    expect(await reads.payloads(NOBODY, 1)).toBeNull();
  });
});

describe('the items of a loop', () => {
  const ITEMS = 240;
  let seq = 0;
  const at = (ms: number): Date => new Date(Date.UTC(2026, 0, 1) + ms);

  /** A run that stands in the loop `all`, and nobody works on. */
  async function begun(arm: Sequence, more: Partial<ForEachNode> = {}, finished = false): Promise<string> {
    definition = { nodes: [loop('all', arm, more)] } as never;
    const id = finished
      ? await rows.run({ status: 'failed', error: '{}', completed_at: at(60_000) })
      : await rows.open({ started_at: new Date(), state: 'sleeping', due_at: 'infinity' });
    seq = 1;
    await rows.record(id, 1, {
      path: 'all',
      type: 'forEach',
      facts: `{"items":${ITEMS}}`,
      output: '[]',
      completed_at: at(0),
    });
    return id;
  }

  const put = (id: string, path: string, columns: object = {}) =>
    rows.record(id, (seq += 1), { path: `all${path}`, ...columns });
  const lost = { status: 'failed', error: encode({ name: 'LostError', message: 'gone' }) };
  const items = async (id: string, states: LoopItem['state'][] | null = null): Promise<LoopItem[]> =>
    (await reads.items(id, 'all', { states, from: { way: 'next', index: -1 }, limit: 1_000 })) ?? [];
  const stateOf = async (id: string, index: number): Promise<string | undefined> => (await items(id))[index]?.state;

  it('are through, failed, running, waiting or not begun, and so they are summed up', async () => {
    const id = await begun([node('step', 'make'), node('step', 'send')], { onError: 'completeAll' });
    await put(id, '[0]/make', { completed_at: at(100), duration_ms: 40 });
    await put(id, '[0]/send', { completed_at: at(1_000), attempt: 2 });
    await put(id, '[1]/make', { ...lost, completed_at: at(2_000), duration_ms: 10 });
    await put(id, '[2]/make', { ...lost, retry_at: new Date(Date.now() + 60_000) });
    await put(id, '[3]/make');
    await rows.wait(id, { kind: 'event', path: 'all[4]/send', created_at: at(50) });
    await put(id, '[5]/make', { ...lost, retry_at: at(0) });
    running = [
      attempt(id, { path: 'all[6]/make', attempt: 3, startedAt: at(7).getTime() }),
      attempt(id, { path: 'all[7]/make', round: 2 }),
    ];
    const found = await items(id);
    expect(found).toHaveLength(ITEMS);
    expect(found.slice(0, 8).map(({ state, attempts }) => [state, attempts])).toEqual([
      ['completed', 2], ['failed', 1], ['waiting', 1], ['running', 1], ['waiting', 1], ['running', 1], ['running', 3], ['pending', 0],
    ]); // prettier-ignore
    expect(found[0]).toEqual({
      index: 0,
      state: 'completed',
      attempts: 2,
      startedAt: at(60),
      durationMs: 940,
      error: null,
    });
    expect(found[1]).toMatchObject({ durationMs: 10, error: { name: 'LostError' } });
    expect(found[6]).toMatchObject({ startedAt: at(7), durationMs: null });
    // Where nobody works on the run, what has begun and could go on waits.
    running = [];
    expect(await stateOf(id, 3)).toBe('waiting');
    const [row] = await sumsOf(id);
    expect(row).toMatchObject({
      path: 'all[]',
      items: ITEMS,
      done: 2,
      failed: 1,
      running: 0,
      waiting: 4,
      round: 1,
      visit: 1,
    });
    expect(row?.cells).toHaveLength(120);
    expect(row?.cells[0]?.at).toEqual(at(0));
    expect(row?.cells.reduce((n, { done }) => n + done, 0)).toBe(2);
    expect(row?.cells.reduce((n, { failed }) => n + failed, 0)).toBe(1);
  });

  it('of a run that has ended are given up where they have not; the parts of its time end with the last of them', async () => {
    const id = await begun([node('step', 'send')], {}, true);
    await put(id, '[0]/send', { completed_at: at(600) });
    await put(id, '[1]/send', { ...lost, completed_at: at(1_200) });
    await put(id, '[2]/send', { ...lost, retry_at: new Date(Date.now() + 60_000), completed_at: at(1_000) });
    expect((await items(id)).slice(0, 4).map(({ state }) => state)).toEqual([
      'completed',
      'failed',
      'pending',
      'pending',
    ]);
    const [row] = await sumsOf(id);
    const full = row?.cells.flatMap(({ done, failed }, cell) => (done > 0 ? [[cell, done, failed]] : []));
    expect(full).toEqual([[60, 1, 0], [119, 1, 1]]); // prettier-ignore
  });

  it('come by pages, of one state or of all, there and back', async () => {
    const id = await begun([node('step', 'send')], { onError: 'completeAll' });
    for (let n = 0; n < 9; n++) await put(id, `[${n * 7}]/send`, n % 2 === 0 ? {} : lost);
    for (const states of [null, ['failed'], ['completed'], ['pending', 'failed']] as (LoopItem['state'][] | null)[]) {
      const all = await items(id, states);
      expect(all.every(({ state }) => states?.includes(state) ?? true)).toBe(true);
      const up: LoopItem[] = [];
      for (let index = -1; ; index = up.at(-1)?.index ?? 0) {
        const page = (await reads.items(id, 'all', { states, from: { way: 'next', index }, limit: 50 })) ?? [];
        up.push(...page);
        if (page.length < 50) break;
      }
      expect(up).toEqual(all);
      // The last one is behind all that the loop has.
      for (const index of [29, 100_000]) {
        const before = (await reads.items(id, 'all', { states, from: { way: 'prev', index }, limit: 2 })) ?? [];
        const earlier = all.filter((item) => item.index < index);
        expect(before).toEqual(earlier.toReversed().slice(0, 2));
      }
    }
    expect(await reads.items(id, 'none', { states: null, from: { way: 'next', index: -1 }, limit: 5 })).toBeNull();
    expect(await reads.items(NOBODY, 'all', { states: null, from: { way: 'next', index: -1 }, limit: 5 })).toBeNull();
  });

  it('are those of the last visit', async () => {
    const id = await begun([node('step', 'send')]);
    await put(id, '[0]/send', lost);
    await rows.record(id, (seq += 1), { path: 'all', visit: 2, type: 'forEach', facts: '{"items":2}', output: '[]' });
    await put(id, '[1]/send', { visit: 2 });
    expect((await items(id)).map(({ state }) => state)).toEqual(['pending', 'completed']);
    const sums = await sumsOf(id);
    expect(sums.map(({ visit, items: n, done, failed }) => [visit, n, done, failed])).toEqual([[1, ITEMS, 1, 1], [2, 2, 1, 0]]); // prettier-ignore
  });

  it('end with their last member, whatever it is', async () => {
    const branch = fan('branch', 'pick', {
      a: [node('step', 'one'), node('step', 'two')],
      b: [node('decision', 'say')],
    });
    const id = await begun([node('step', 'pack'), branch]);
    await put(id, '[0]/pick', { type: 'branch', facts: '{"arm":"a"}' });
    await put(id, '[0]/pick.a/one');
    expect(await stateOf(id, 0)).toBe('waiting');
    await put(id, '[0]/pick.a/two');
    expect(await stateOf(id, 0)).toBe('completed');
    await put(id, '[1]/pick.b/say', { type: 'decision', facts: '{"goto":"pack"}' });
    expect(await stateOf(id, 1)).toBe('waiting');
    await put(id, '[1]/pick.b/say', { type: 'decision', visit: 2 });
    expect(await stateOf(id, 1)).toBe('completed');
  });

  it('end with the collector of a parallel, or the results of a loop; what fails within may be kept there', async () => {
    const inner = loop('parts', [node('step', 'cut')], { onError: 'completeAll' });
    const id = await begun([fan('parallel', 'both', { a: [node('step', 'one')] }, { onError: 'completeAll' }), inner]);
    await put(id, '[0]/both.a/one', lost);
    await put(id, '[0]/both', { type: 'parallel' });
    await put(id, '[0]/parts', { type: 'forEach', facts: '{"items":2}' });
    await put(id, '[0]/parts[1]/cut', lost);
    await put(id, '[0]/parts[0]/cut');
    expect(await stateOf(id, 0)).toBe('waiting');
    await put(id, '[0]/parts', { type: 'gather' });
    expect(await stateOf(id, 0)).toBe('completed');
    await put(id, '[1]/both', { ...lost, type: 'parallel' });
    expect(await stateOf(id, 1)).toBe('failed');
  });

  it('that end with a loop without results end with the last of its items', async () => {
    const inner = loop('parts', [node('step', 'cut')], { onError: 'completeAll', results: 'none' });
    const id = await begun([inner]);
    await put(id, '[0]/parts', { type: 'forEach', facts: '{"items":2}' });
    await put(id, '[0]/parts[1]/cut', lost);
    expect(await stateOf(id, 0)).toBe('waiting');
    await put(id, '[0]/parts[0]/cut');
    expect(await stateOf(id, 0)).toBe('completed');
    await put(id, '[1]/parts', { type: 'forEach', facts: '{"items":0}' });
    expect(await stateOf(id, 1)).toBe('completed');
  });

  it('that end with loops without results within one another end with the last item of all', async () => {
    const none = { results: 'none' as const };
    const id = await begun([loop('b', [node('step', 'x'), loop('c', [node('step', 'y')], none)], none)]);
    await put(id, '[0]/b', { type: 'forEach', facts: '{"items":2}' });
    for (const path of ['x', 'c'] as const) {
      for (const n of [0, 1])
        await put(id, `[0]/b[${n}]/${path}`, path === 'c' ? { type: 'forEach', facts: '{"items":1}' } : {});
    }
    await put(id, '[0]/b[1]/c[0]/y');
    expect(await stateOf(id, 0)).toBe('waiting');
    await put(id, '[0]/b[0]/c[0]/y');
    expect(await stateOf(id, 0)).toBe('completed');
  });

  it('fail with what fails in a fan-out that fails with it', () => {
    const arm = [fan('parallel', 'a/b', { 'x.y': [node('step', 'one')] }), loop('parts', [node('step', 'cut')])];
    expect(loopPlaces(loop('all', arm))).toEqual({
      ends: ['parts'],
      fails: ['a%2Fb', 'a%2Fb.x%2Ey/one', 'parts', 'parts[]/cut'],
      counted: [],
      settles: [],
    });
  });

  it('of a definition that is gone are told by what is recorded of them', async () => {
    const id = await begun([node('step', 'send')]);
    definition = null;
    await put(id, '[0]/send');
    expect((await items(id)).slice(0, 2).map(({ state }) => state)).toEqual(['waiting', 'pending']);
  });

  it('of a loop within a long one are summed up with it', () => {
    const visit = { round: 1, visit: 1, items: 300, next_seq: null };
    const loops = [
      { seq: 1, path: 'a', ...visit },
      { seq: 2, path: 'a[3]/b', ...visit },
      { seq: 3, path: 'ab', ...visit },
    ];
    expect(collapsing(loops, null).map(({ path }) => path)).toEqual(['a', 'ab']);
    expect(collapsing(loops, 'a[3]/b').map(({ path }) => path)).toEqual(['a[3]/b', 'ab']);
    expect(collapsing(loops, 'a[3]/b[1]').map(({ path }) => path)).toEqual(['ab']);
  });
});

describe('a page of the log', () => {
  const line = (ms: number, level: string, message: string): string =>
    `${ms} ${JSON.stringify({ l: level, m: message })}`;
  const log = (): PgLogReads => new PgLogReads({ query: queryOf(rows.pool), schema: 'durable', redact: NO_REDACTION });
  const page = { step: null, levels: null, text: null, from: null, limit: 200 };

  it('goes from line to line, there and back, whatever is asked of them', async () => {
    const id = await rows.run({ status: 'completed' });
    for (let seq = 1; seq <= 120; seq++) {
      const path = seq % 3 === 0 ? 'fulfil.a/send~~log' : seq % 3 === 1 ? 'charge' : 'fulfil.a/send~undo';
      const lines = [line(seq, 'log', `A ${seq}`), line(seq, 'error', `b ${seq} \n%_`), line(seq, 'log', 'C')];
      await rows.record(id, seq, {
        path,
        type: path.includes('~~') ? 'log' : 'step',
        logs: seq % 5 === 4 ? null : lines.join('\n'),
      });
    }
    const all = (await log().page(id, { ...page, limit: 1_000 }))?.entries ?? [];
    expect(all).toHaveLength(96 * 3);
    expect(all.map(({ seq }) => seq)).toEqual(all.map(({ seq }) => seq).toSorted((a, b) => a - b));
    const filters: [object, (entry: (typeof all)[number]) => boolean][] = [
      [{}, () => true],
      [{ step: 'send' }, ({ step }) => step === 'send'],
      [{ step: 'undo', levels: ['error', 'warn'] }, ({ step, level }) => step === 'undo' && level === 'error'],
      [{ text: 'a 1' }, ({ message }) => message.startsWith('A 1')],
      [{ text: '%_' }, ({ level }) => level === 'error'],
      [{ step: 'fulfil' }, () => false],
    ];
    for (const [filter, fits] of filters) {
      const wanted = all.filter(fits);
      const up: (typeof all)[number][] = [];
      for (let from: { way: 'next'; seq: number } | null = null; ;) {
        const found = await log().page(id, { ...page, ...filter, limit: 7, from });
        up.push(...(found?.entries ?? []));
        if (found?.reached === null || found === null) break;
        from = { way: 'next', seq: found.reached };
      }
      expect(up).toEqual(wanted);
      const end = (all.at(-1)?.seq ?? 0) + 1;
      const down: (typeof all)[number][] = [];
      for (let seq = end; ;) {
        const found = await log().page(id, { ...page, ...filter, limit: 7, from: { way: 'prev', seq } });
        down.unshift(...(found?.entries ?? []));
        if (found?.reached === null || found === null) break;
        seq = found.reached;
      }
      expect(down).toEqual(wanted);
    }
    expect(await log().page(NOBODY, page)).toBeNull();
    expect(await log().page(await rows.run({ status: 'completed' }), page)).toEqual({ entries: [], reached: null });
  });

  it('is broken off where it has read much, and goes on from there', async () => {
    const id = await rows.run({ status: 'completed' });
    const long = 'x'.repeat(1_500_000);
    for (let seq = 1; seq <= 7; seq++) await rows.record(id, seq, { logs: line(1, 'log', seq === 6 ? 'found' : long) });
    const wanted = { ...page, text: 'found' };
    const first = await log().page(id, wanted);
    expect(first?.entries).toEqual([]);
    const second = await log().page(id, { ...wanted, from: { way: 'next', seq: first?.reached ?? 0 } });
    expect(second?.entries.map(({ message }) => message)).toEqual(['found']);
    const back = await log().page(id, { ...wanted, from: { way: 'prev', seq: 8 * 2 ** 17 } });
    const found = [...(back?.entries ?? [])];
    expect(found.map(({ message }) => message)).toEqual(['found']);
  });
});
