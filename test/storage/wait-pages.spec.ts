import { encode } from '../../lib/core/codec/codec.js';
import type { PendingStatus } from '../../lib/core/input/pending.js';
import { NO_REDACTION } from '../../lib/core/redact/redact.js';
import { queryOf } from '../../lib/storage/connection/transaction.js';
import type { WaitMark } from '../../lib/storage/reads/wait-list.js';
import { type AskedFilters, PgWaitReads } from '../../lib/storage/reads/wait-reads.js';
import { Rows } from './rows.js';

/** Inputs and events by page, compared with the same lists made in memory. */

let rows: Rows;
let reads: PgWaitReads;

beforeAll(async () => {
  rows = await Rows.open();
  reads = new PgWaitReads({ query: queryOf(rows.pool), schema: 'durable', redact: NO_REDACTION });
  await fill();
});
afterAll(() => rows.close());

interface Row {
  readonly id: string;
  readonly run: string;
  readonly workflow: string;
  readonly status: PendingStatus;
  readonly due: number | null;
  readonly kind: string;
  readonly type: string;
  readonly name: string;
  readonly place: number;
}

const all: Row[] = [];
const STATES = ['open', 'open', 'open', 'done', 'timed_out', 'cancelled'] as const;
const STATUS = { open: 'pending', done: 'completed', timed_out: 'timed_out', cancelled: 'cancelled' } as const;
const KINDS = ['input', 'input', 'event', 'any', 'all'] as const;
const TYPES = ['approval', 'free_text', 'form', null] as const;

async function fill(): Promise<void> {
  const invoice = await rows.addDefinition('invoice', 1);
  const runs = [
    { id: await rows.open({}), workflow: 'order' },
    { id: await rows.open({}, { workflow: 'invoice', definition_id: invoice }), workflow: 'invoice' },
    { id: await rows.open({}), workflow: 'order' },
  ];
  for (let n = 0; n < 180; n++) {
    const run = runs[(n * 7) % 3] ?? { id: '', workflow: '' };
    const state = STATES[(n * 5) % 6] ?? 'open';
    const kind = KINDS[n % 5] ?? 'input';
    const type = TYPES[(n >> 2) % 4] ?? null;
    // Several at one time, some a microsecond apart, some never.
    const due = n % 4 === 0 ? null : Date.UTC(2030, 0, 1) + (n % 9) * 1_000;
    const names = kind === 'input' ? [`ask${n % 3}`] : kind === 'event' ? ['paid'] : ['paid', 'sent', 'lost'];
    const spec = { type, prompt: 'NUL \0 and \ud800', metadata: { type: 'approval' } };
    const [wait] = [await rows.wait(run.id, {
      kind, state, names, key: `k${n}`, active: state === 'open',
      due_at: due === null ? null : new Date(due),
      spec: kind === 'input' && n % 11 !== 0 ? encode(spec) : null,
    })]; // prettier-ignore
    const shown = kind === 'any' && state === 'done' ? ['sent'] : names;
    if (kind === 'any' && state === 'done') {
      await rows.pool.query(
        `INSERT INTO durable.events (run_id, sent_at, wait_id, name, payload) VALUES ($1, now(), $2, 'sent', '1')`,
        [run.id, wait],
      );
    }
    const typed = kind !== 'input' ? kind : n % 11 === 0 ? 'free_text' : (type ?? 'free_text');
    for (const name of shown) {
      const place = names.indexOf(name) + 1;
      all.push({
        id: wait,
        run: run.id,
        workflow: run.workflow,
        status: STATUS[state],
        due,
        kind,
        type: typed,
        name,
        place,
      });
    }
  }
}

function listed(kinds: readonly string[], filters: AskedFilters, type: string | null): string[] {
  const { status = 'pending', workflow, executionId, name, timeoutBefore, order } = filters;
  const statuses = typeof status === 'string' ? [status] : status;
  const newest = statuses.some((one) => one !== 'pending');
  const before = timeoutBefore?.getTime();
  const fits = all.filter(
    (row) =>
      kinds.includes(row.kind) && statuses.includes(row.status) &&
      (workflow ?? row.workflow) === row.workflow && (executionId ?? row.run) === row.run &&
      (name ?? row.name) === row.name && (type ?? row.type) === row.type &&
      (before === undefined || (row.due !== null && row.due < before)),
  ); // prettier-ignore
  const asked = (a: Row, b: Row): number => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
  const sorted = fits.toSorted((a, b) =>
    order === 'timeout' && !newest
      ? (a.due ?? Infinity) - (b.due ?? Infinity) || asked(a, b) || a.place - b.place
      : (newest ? asked(b, a) : asked(a, b)) || a.place - b.place,
  );
  return sorted.map((row) => `${row.id} ${row.name}`);
}

const STATUSES: (PendingStatus | PendingStatus[])[] = ['pending', 'completed', ['pending', 'timed_out', 'cancelled']];
const cases: AskedFilters[] = STATUSES.flatMap((status) =>
  (['asked', 'timeout'] as const).flatMap((order) => [
    { status, order },
    { status, order, workflow: 'order' },
    { status, order, name: 'ask1' },
    { status, order, name: 'sent' },
    { status, order, timeoutBefore: new Date(Date.UTC(2030, 0, 1) + 3_000) },
  ]),
);

/** All pages from the first one on, and back again from the last row. */
async function walked(
  page: (filters: AskedFilters) => Promise<{ mark: WaitMark; key: string }[]>,
  filters: AskedFilters,
) {
  const there: { mark: WaitMark; key: string }[] = [];
  for (let from: AskedFilters['from'] = null; ;) {
    const found = await page({ ...filters, from, limit: 7 });
    there.push(...found);
    const last = found.at(-1);
    if (last === undefined) break;
    from = { way: 'next', ...last.mark };
  }
  const back: string[] = [];
  for (let last = there.at(-1); last !== undefined;) {
    const found = await page({ ...filters, from: { way: 'prev', ...last.mark }, limit: 4 });
    back.unshift(...found.map(({ key }) => key).toReversed());
    last = found.at(-1);
  }
  return { there: there.map(({ key }) => key), back };
}

it.each(cases)('inputs go from page to page, there and back: %j', async (filters) => {
  const wanted = listed(['input'], filters, null);
  const page = async (asked: AskedFilters) =>
    (await reads.inputs(asked)).map(({ mark, id, name }) => ({ mark, key: `${id} ${name}` }));
  const { there, back } = await walked(page, filters);
  expect(there).toEqual(wanted);
  expect(back).toEqual(wanted.slice(0, -1));
  expect(await reads.countInputs(filters, null, 10_000)).toBe(wanted.length);
  expect(await reads.countInputs(filters, null, 3)).toBe(Math.min(3, wanted.length));
});

it.each(cases)('events go from page to page, there and back: %j', async (filters) => {
  const wanted = listed(['event', 'any', 'all'], filters, null);
  const page = async (asked: AskedFilters) =>
    (await reads.events(asked)).map(({ mark, id, eventName }) => ({ mark, key: `${id} ${eventName}` }));
  const { there, back } = await walked(page, filters);
  expect(there).toEqual(wanted);
  expect(back).toEqual(wanted.slice(0, -1));
});

it.each(['approval', 'free_text', 'form', 'single_choice'] as const)(
  'inputs of type %s are told by the question alone',
  async (type) => {
    for (const order of ['asked', 'timeout'] as const) {
      const found = await reads.inputs({ order, limit: 1_000 }, type);
      expect(found.map((one) => `${one.id} ${one.name}`)).toEqual(listed(['input'], { order }, type));
      expect(found.every((one) => one.type === type)).toBe(true);
      expect(await reads.countInputs({}, type, 1_000)).toBe(found.length);
    }
  },
);

it('events of one kind of wait, and of one run', async () => {
  const run = all[0]?.run ?? '';
  for (const kind of ['event', 'any', 'all'] as const) {
    const found = await reads.events({ executionId: run, limit: 1_000 }, kind);
    expect(found.map((one) => `${one.id} ${one.eventName}`)).toEqual(listed([kind], { executionId: run }, null));
  }
});

it('two that time out a microsecond apart stand in that order, and none is left out between pages', async () => {
  const run = await rows.open({});
  const ids: string[] = [];
  for (const micros of [3, 1, 2]) {
    const id = await rows.wait(run, {
      kind: 'input',
      names: ['near'],
      due_at: `2031-01-01T00:00:00.00000${micros}Z`,
      key: `m${micros}`,
    });
    ids[micros - 1] = id;
  }
  const filters = { name: 'near', order: 'timeout' as const };
  const page = async (asked: AskedFilters) =>
    (await reads.inputs({ ...asked, limit: 1 })).map(({ mark, id }) => ({ mark, key: id }));
  expect((await walked(page, filters)).there).toEqual(ids);
});
