import { COMMANDS } from '../../lib/cli/commands.js';
import { createTestDatabase } from '../support/database.js';
import { type FaultApp, openApp } from '../support/faults/app.js';
import { until } from '../support/until.js';
import { cliOn, json } from './support.js';
import { OrderWorkflow, WORKFLOWS } from './workflows.js';

/** Every command does its work beside a running app and with none, as text and as one JSON document. */

type Run = 'done' | 'failed' | 'waiting' | 'paused' | 'asking' | 'heard' | 'over';

const LINES: Readonly<Record<string, (ids: Readonly<Record<Run, string>>) => readonly string[]>> = {
  doctor: () => ['doctor', '--verify'],
  status: () => ['status'],
  list: () => ['list', '--workflow', 'order'],
  inspect: ({ failed }) => ['inspect', failed, '--context'],
  logs: ({ done }) => ['logs', done],
  run: () => ['run', 'order', '--input', '{"items":1}', '--priority', '2'],
  cancel: ({ over }) => ['cancel', over, '--reason', 'of no use'],
  pause: ({ waiting }) => ['pause', waiting],
  resume: ({ paused }) => ['resume', paused],
  retry: ({ failed }) => ['retry', failed],
  'restart-from': ({ failed }) => ['restart-from', failed, 'validate'],
  pending: () => ['pending'],
  'provide-input': ({ asking }) => ['provide-input', asking, 'release', 'approved'],
  'send-event': ({ heard }) => ['send-event', heard, 'collected', '{}'],
  schedules: () => ['schedules', 'trigger', 'nightly'],
  queues: () => ['queues', 'pause', 'default'],
  workers: () => ['workers'],
  graph: () => ['graph', 'order'],
  cleanup: () => ['cleanup', '--older-than', '30d'],
  migrate: () => ['migrate', 'status'],
};
/** No command on a database, or one that serves until it is ended. */
const ELSEWHERE = ['completion', 'dashboard', 'install'];

it('no command is left out', () => {
  expect([...Object.keys(LINES), ...ELSEWHERE].toSorted()).toEqual(COMMANDS.map(({ name }) => name).toSorted());
});

describe.each(['beside a running app', 'with no app'])('%s', (how) => {
  let app: FaultApp;
  let on: ReturnType<typeof cliOn>;
  /** For each of the two ways to print: an act is done once to each run. */
  const ids: Record<Run, string>[] = [];

  beforeAll(async () => {
    const { url } = await createTestDatabase();
    on = cliOn(url);
    app = await openApp({ database: { url }, logs: { console: false } }, WORKFLOWS);
    const { client } = app;
    const start = async (input: object, status: string): Promise<string> => {
      const run = await client.start(OrderWorkflow, input);
      await until(async () => (await run.execution())?.status === status);
      return run.id;
    };
    while (ids.length < 2) {
      const paused = await start({ waits: true }, 'waiting');
      await client.pause(paused);
      ids.push({
        done: await start({}, 'completed'),
        failed: await start({ card: 'broken' }, 'compensated'),
        waiting: await start({ waits: true }, 'waiting'),
        paused,
        asking: await start({ asks: true }, 'waiting'),
        heard: await start({ waits: true }, 'waiting'),
        over: await start({ waits: true }, 'waiting'),
      });
    }
    if (how === 'with no app') await app.close();
  });
  afterAll(() => app.close());

  it.each(Object.keys(LINES))('%s', async (name) => {
    const [text, document] = ids.map((known) => LINES[name]?.(known) ?? []);
    // What was undone is retried as a whole: restarting it is refused. Runs that nobody will go on with are bad.
    const refused = name === 'restart-from' || (name === 'doctor' && how === 'with no app');
    const printed = await on(text ?? []);
    expect(printed).toMatchObject({ code: refused ? 1 : 0 });
    expect(printed.err.split('\n').length).toBeLessThanOrEqual(2);
    if (name === 'queues') await on(['queues', 'resume', 'default']);
    const ran = await on([...(document ?? []), '--json']);
    expect(ran).toMatchObject({ code: refused ? 1 : 0 });
    expect(ran.out === '' ? 'nothing' : typeof json<unknown>(ran)).toBe(name === 'restart-from' ? 'nothing' : 'object');
    if (name === 'queues') await on(['queues', 'resume', 'default']);
  });
});
