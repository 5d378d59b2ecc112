import { encode } from '../../lib/core/codec/codec.js';
import type { RunListFilters, RunMatch } from '../../lib/core/run/execution.js';
import { NO_REDACTION } from '../../lib/core/redact/redact.js';
import type { ExecutionStatus } from '../../lib/core/run/status.js';
import { queryOf } from '../../lib/storage/connection/transaction.js';
import { PgReads } from '../../lib/storage/reads/reads.js';
import { Random } from '../support/random.js';
import { Rows } from './rows.js';

/** Lists that go along the index of a name in place of history: they find what a look at every run would. */

interface Known {
  readonly id: string;
  readonly at: number;
  readonly workflow: string;
  readonly queue: string;
  readonly schedule: string | null;
  readonly error: string | null;
  readonly status: ExecutionStatus;
  readonly retrying: boolean;
}

const SCHEDULES = [null, 'nightly', 'hourly', 'never'];
const ERRORS = ['CardError', 'TimeoutError', 'Never'];
const WORKFLOWS = ['order', 'refund', 'ship'];
const QUEUES = ['default', 'ai'];

let rows: Rows;
let reads: PgReads;
const known: Known[] = [];

beforeAll(async () => {
  rows = await Rows.open();
  reads = new PgReads({
    query: queryOf(rows.pool),
    schema: 'durable',
    inFlight: () => [],
    workerId: () => 0,
    redact: NO_REDACTION,
  });
  const definitions = new Map([['order', rows.definitionId]]);
  for (const name of WORKFLOWS.slice(1)) definitions.set(name, await rows.addDefinition(name, 1));
  const random = new Random(7);
  for (let n = 0; n < 120; n++) {
    const [workflow, queue] = [random.pick(WORKFLOWS), random.pick(QUEUES)];
    const schedule = random.pick(SCHEDULES.slice(0, 3));
    const status = random.pick(['completed', 'failed', 'cancelled', 'waiting', 'paused'] as const);
    const name =
      ['failed', 'cancelled'].includes(status) || random.chance(0.1) ? random.pick(ERRORS.slice(0, 2)) : null;
    // Several of one moment: the id decides.
    const at = Date.UTC(2026, 0, 1) + Math.floor(n / 3) * 60_000;
    const error = status === 'completed' || name === null ? null : encode({ name, message: 'no' });
    const definition_id = definitions.get(workflow);
    const run = { workflow, definition_id, queue, schedule_name: schedule, error, created_at: new Date(at) };
    const retrying = status === 'waiting' && random.chance(0.4);
    const id =
      status === 'waiting' || status === 'paused'
        ? await rows.open(
            {
              started_at: new Date(at),
              state: 'sleeping',
              due_at: 'infinity',
              paused: status === 'paused',
              because: retrying ? 'retry' : 'wait',
            },
            run,
          )
        : await rows.run({ ...run, status });
    known.push({ id, at, workflow, queue, schedule, error: error === null ? null : name, status, retrying });
  }
});
afterAll(() => rows.close());

const text = (field: 'schedule' | 'error', ...values: string[]): RunMatch => ({
  texts: [{ field, not: false, values }],
});

const queue = (not: boolean, ...values: string[]) => ({ field: 'queue' as const, not, values });

const MATCHES: readonly [string, RunMatch, (run: Known) => boolean][] = [
  ['a schedule', text('schedule', 'nightly'), ({ schedule }) => schedule === 'nightly'],
  ['schedules', text('schedule', 'nightly', 'hourly', 'never'), ({ schedule }) => schedule !== null],
  ['a schedule without runs', text('schedule', 'never'), () => false],
  ['an error', text('error', 'CardError'), ({ error }) => error === 'CardError'],
  ['errors', text('error', 'Never', 'CardError', 'TimeoutError'), ({ error }) => error !== null],
  ['a schedule that is named twice', text('schedule', 'nightly', 'nightly'), ({ schedule }) => schedule === 'nightly'],
  [
    'an error that is named twice',
    text('error', 'CardError', 'Never', 'CardError'),
    ({ error }) => error === 'CardError',
  ],
  ['an error that none has', text('error', 'Never'), () => false],
  [
    'a schedule and an error',
    { texts: [...(text('error', 'CardError').texts ?? []), ...(text('schedule', 'hourly').texts ?? [])] },
    ({ error, schedule }) => error === 'CardError' && schedule === 'hourly',
  ],
  ['another queue than one', { texts: [queue(true, 'ai')] }, ({ queue: of }) => of !== 'ai'],
  ['a queue among others', { texts: [queue(false, 'default', 'gpu')] }, ({ queue: of }) => of === 'default'],
  ['an error, of another queue than one', { texts: [queue(true, 'ai'), ...(text('error', 'CardError').texts ?? [])] }, ({ error, queue: of }) => error === 'CardError' && of !== 'ai'], // prettier-ignore
  ['a workflow among others, of another queue than one', { texts: [{ field: 'workflow', not: false, values: ['order', 'ship'] }, queue(true, 'ai')] }, ({ workflow, queue: of }) => workflow !== 'refund' && of !== 'ai'], // prettier-ignore
  ['tried again', { retrying: true }, ({ retrying }) => retrying],
  ['not tried again, of a schedule', { ...text('schedule', 'hourly'), retrying: false }, ({ schedule, retrying }) => schedule === 'hourly' && !retrying], // prettier-ignore
];

const OTHERS: readonly [string, RunListFilters, (run: Known) => boolean][] = [
  ['anywhere', {}, () => true],
  ['of a workflow', { workflow: 'order' }, ({ workflow }) => workflow === 'order'],
  ['of a queue', { queue: 'ai' }, (run) => run.queue === 'ai'],
  ['of the queue that comes later', { queue: 'default' }, (run) => run.queue === 'default'],
  ['of both', { workflow: 'ship', queue: 'ai' }, (run) => run.workflow === 'ship' && run.queue === 'ai'],
  ['failed', { status: 'failed' }, ({ status }) => status === 'failed'],
  ['completed or waiting', { status: ['completed', 'waiting'] }, ({ status }) => status === 'completed' || status === 'waiting'], // prettier-ignore
  ['paused', { status: 'paused' }, ({ status }) => status === 'paused'],
  ['of a time', { since: new Date(Date.UTC(2026, 0, 1, 0, 10)), until: new Date(Date.UTC(2026, 0, 1, 0, 30)) }, ({ at }) => at >= Date.UTC(2026, 0, 1, 0, 10) && at < Date.UTC(2026, 0, 1, 0, 30)], // prettier-ignore
];

describe.each(MATCHES)('%s', (_, match, fits) => {
  it.each(OTHERS)('%s: page by page, in both orders, and counted', async (__, filters, alsoFits) => {
    for (const order of ['desc', 'asc'] as const) {
      const way = order === 'desc' ? -1 : 1;
      const wanted = known
        .filter((run) => fits(run) && alsoFits(run))
        .toSorted((a, b) => (a.at - b.at || (a.id < b.id ? -1 : 1)) * way)
        .map(({ id }) => id);
      const found: string[] = [];
      for (;;) {
        const last = found.at(-1);
        const mark = last === undefined ? {} : order === 'desc' ? { before: last } : { after: last };
        const page = await reads.listExecutions({ ...filters, match, order, limit: 7, ...mark });
        found.push(...page.map(({ id }) => id));
        if (page.length < 7) break;
      }
      expect(found).toEqual(wanted);
      expect((await reads.listExecutions({ ...filters, match, order, limit: 5, offset: 4 })).map(({ id }) => id)).toEqual(wanted.slice(4, 9)); // prettier-ignore
    }
    const n = known.filter((run) => fits(run) && alsoFits(run)).length;
    expect(await reads.countUpTo({ ...filters, match }, 1_000)).toEqual({ n, more: false });
    expect(await reads.countUpTo({ ...filters, match }, 3)).toEqual({ n: Math.min(n, 3), more: n >= 3 });
    const { since = new Date(Date.UTC(2026, 0, 1)), until = new Date(Date.UTC(2026, 0, 2)) } = filters;
    const { started, lookedTo } = await reads.startsOver({ ...filters, match }, { since, until, count: 4 }, ['failed']);
    expect(lookedTo).toBeNull();
    expect(started.reduce((sum, one) => sum + one, 0)).toBe(n);
  });
});
