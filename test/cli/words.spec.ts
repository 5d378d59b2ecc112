import { createTestDatabase } from '../support/database.js';
import { type FaultApp, openApp } from '../support/faults/app.js';
import { until } from '../support/until.js';
import { cli, cliOn, type Ran } from './support.js';
import { OrderWorkflow, WORKFLOWS } from './workflows.js';

/** What a refusal tells whoever has a shell, and no program. */

let app: FaultApp;
let on: ReturnType<typeof cliOn>;
const ids = {} as Record<'done' | 'declined' | 'asking', string>;

beforeAll(async () => {
  const { url } = await createTestDatabase();
  on = cliOn(url);
  app = await openApp({ database: { url }, logs: { console: false } }, WORKFLOWS);
  const start = async (input: object, status: string): Promise<string> => {
    const run = await app.client.start(OrderWorkflow, input);
    await until(async () => (await run.execution())?.status === status);
    return run.id;
  };
  ids.done = await start({ items: 2 }, 'completed');
  ids.declined = await start({ card: 'declined' }, 'compensated');
  ids.asking = await start({ asks: true }, 'waiting');
});

afterAll(() => app.close());

const LINE = /^nest-durable: [^\n]+\n$/;

it.each([
  [['list', '--sttus', 'failed'], 'nest-durable list --help'],
  [['inspect'], 'nest-durable inspect --help'],
  [['schedules', 'nightly'], 'nest-durable schedules --help'],
  [['--json', 'status', 'now'], 'nest-durable status --help'],
  [['lst'], 'nest-durable --help'],
  [['--jsn', 'list'], 'nest-durable --help'],
])('a call that cannot be understood names the help that has it: %j', async (argv, help) => {
  const ran = await cli(argv);
  expect(ran).toMatchObject({ code: 2, out: '', err: expect.stringMatching(LINE) });
  expect(ran.err).toContain(`. ${help} `);
});

it('no refusal tells a person at a shell to call a method', async () => {
  const { done, asking } = ids;
  const nobody = '01a22d5b-c083-7424-b62a-9c6344e012c9';
  const said: [ran: Ran, what: string][] = [
    [await on(['inspect', nobody]), 'nest-durable list'],
    [await on(['pause', done]), 'nest-durable retry'],
    [await on(['send-event', done, 'paid']), 'nest-durable retry'],
    [await on(['retry', asking]), 'cancel it first'],
    [await on(['retry', asking, done]), 'cancel it first'],
    [await on(['restart-from', asking, 'validate']), 'cancel it first'],
    [await on(['provide-input', asking, 'other', 'x']), 'nest-durable pending --inputs'],
    [await on(['run', 'order', '--id', done]), '--idempotency-key'],
    [await on(['run', 'order', '--id', 'A-1']), '--idempotency-key'],
    [await on(['run', 'ordr']), 'Did you mean "order"?'],
    [await on(['graph', 'ordr']), 'must have booted once'],
    [await on(['schedules', 'enable', 'nosuch']), 'nest-durable schedules lists'],
    [await on(['queues', 'pause', 'nosuch']), 'nest-durable queues lists'],
    [await on(['retry', '--status', 'waiting', '--yes']), 'cancel it first'],
  ];
  for (const [{ code, err }, what] of said) {
    expect([code > 0, err]).toEqual([true, expect.stringContaining(what)]);
    expect(err).not.toMatch(/\w\(\)|`id`|idempotencyKey/);
  }
});

it('restart-from says at which steps a run can be restarted, where it cannot at the one that was given', async () => {
  const unknown = await on(['restart-from', ids.done, 'chrge']);
  expect(unknown).toMatchObject({ code: 1, out: '', err: expect.stringMatching(LINE) });
  expect(unknown.err).toMatch(
    /has no step "chrge"\. Did you mean "charge"\? It can be restarted at validate, reserve, /,
  );
  const within = await on(['restart-from', ids.done, 'pack']);
  expect(within.err).toMatch(
    /whose other arms or items would be lost: restart from that\. It can be restarted at .*deliver/,
  );
  const undone = await on(['restart-from', ids.declined, 'charge']);
  expect(undone.err).toContain('It can be restarted at no step: nest-durable retry starts it anew as a whole.');
});

it('run says that nobody works on the queue it was given, or that it is paused', async () => {
  const misspelt = await on(['run', 'order', '--queue', 'defautl']);
  expect(misspelt).toMatchObject({
    code: 0,
    err: expect.stringMatching(/^No worker works on queue defautl: [^\n]+\n$/),
  });
  await on(['queues', 'pause', 'default']);
  const paused = await on(['run', 'order', '--queue', 'default', '--json']);
  expect(paused).toMatchObject({ code: 0, err: 'Queue default is paused: nest-durable queues resume default\n' });
  await on(['queues', 'resume', 'default']);
  expect(await on(['run', 'order', '--queue', 'default'])).toMatchObject({ code: 0, err: '' });
});

it('cleanup asks about nothing where nothing is to be deleted', async () => {
  const ran = await on(['cleanup', '--older-than', '30d'], { columns: 80 });
  expect([ran.code, ran.out]).toEqual([0, 'Deleted 0 runs.\n']);
  expect(ran.err).not.toContain('[y/N]');
});

it('migrate --check names what is missing', async () => {
  const { url } = await createTestDatabase({ migrated: false });
  const checked = await cliOn(url)(['migrate', '--check']);
  expect(checked).toMatchObject({
    code: 1,
    err: expect.stringContaining('lacks 0001-tables, 0002-functions: run nest'),
  });
});

it('the help of the whole fits a terminal of 80 columns', async () => {
  const { out } = await cli(['--help'], { columns: 80 });
  expect(out.split('\n').filter((line) => line.length > 80)).toEqual([]);
});

it('the refusal of one of several runs names the run once', async () => {
  const { err, code } = await on(['cancel', ids.done, ids.declined]);
  expect(code).toBe(1);
  expect(err).toContain(`Run ${ids.done} was refused: it is left alone: it has ended as completed.\n`);
  expect(err).not.toMatch(/Run (\S+) was refused: Run/);
});
