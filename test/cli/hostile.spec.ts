import { Logger } from '@nestjs/common';
import { type DurableClient, FatalError, Step, waitForInput, Workflow } from 'nest-durable';
import { createTestDatabase } from '../support/database.js';
import { type FaultApp, openApp } from '../support/faults/app.js';
import { until } from '../support/until.js';
import { cliOn } from './support.js';

/** Clears the screen, sets a title, turns writing around, breaks lines, is wider than it looks. */
const EVIL = '\x1b[2J\x1b]0;owned\x07\u202e\u2066a\u009b31m\r\n\x7f\0 日本語👩‍👩‍👧é';
/** Without NUL and line breaks, which names of steps and workflows do not take. */
const NAME = '日本\u202e👩‍👩‍👧';

@Workflow({ name: NAME })
class EvilWorkflow {
  @Step({ name: `say ${NAME}` })
  say(data: object) {
    new Logger(EVIL).log(EVIL);
    return { ...data, key: EVIL, [EVIL]: 1 };
  }

  @Step()
  async ask({ asks }: { asks?: boolean }) {
    if (asks === true) await waitForInput(EVIL.replaceAll('\0', ''), { prompt: EVIL, metadata: { EVIL } });
  }

  @Step()
  fail() {
    throw new FatalError(EVIL);
  }
}

let app: FaultApp;
let client: DurableClient;
let on: ReturnType<typeof cliOn>;
const runs: string[] = [];

beforeAll(async () => {
  const { url } = await createTestDatabase();
  on = cliOn(url);
  app = await openApp({ database: { url }, logs: { console: false } }, [EvilWorkflow]);
  ({ client } = app);
  const tags = { [EVIL.replaceAll('\0', '')]: EVIL.replaceAll('\0', '') };
  for (const [input, status] of [
    [{ EVIL }, 'failed'],
    [{ EVIL, asks: true }, 'waiting'],
  ] as const) {
    const run = await client.start(EvilWorkflow, input, { tags });
    runs.push(run.id);
    await until(async () => (await run.execution())?.status === status);
  }
});

afterAll(() => app.close());

/** All that a terminal obeys, but for what we write ourselves: line breaks, colours, the clearing of a line. */
function obeyed(text: string): string[] {
  const ours = text.replaceAll('\n', '').replace(/\x1b\[(?:[0-9]+m|K|[0-9]+A|J)|\r(?=\x1b|$)/g, ''); // oxlint-disable-line no-control-regex
  return ours.match(/[\p{Cc}\u202a-\u202e\u2066-\u2069\u200e\u200f]/gu) ?? [];
}

it('no control character of anybody else reaches the terminal, in any command, on a terminal, in a pipe and in JSON', async () => {
  const [failed = '', waiting = ''] = runs;
  const lines = [
    ['list'],
    ['list', '--group'],
    ['list', '--error', EVIL],
    ['inspect', failed, '--context'],
    ['inspect', waiting, '--context'],
    ['logs', failed],
    ['pending'],
    ['graph', NAME],
    ['graph', NAME, '--mermaid'],
    ['workers'],
    ['status'],
    ['doctor'],
    ['inspect', EVIL],
    ['graph', EVIL],
    ['run', EVIL],
    ['list', '--status', EVIL],
    [EVIL],
    ['list', `--${EVIL}`],
    ['cancel', failed, '--reason', EVIL],
    ['provide-input', waiting, EVIL, EVIL],
    ['queues', 'pause', EVIL],
    ['schedules', 'trigger', EVIL],
  ];
  for (const argv of lines) {
    for (const terminal of [{}, { columns: 70 }, { columns: 200, env: { FORCE_COLOR: '1' } }]) {
      const { out, err } = await on(argv, terminal);
      expect([argv, obeyed(out), obeyed(err)]).toEqual([argv, [], []]);
    }
    const { out, err } = await on([...argv, '--json']);
    expect([argv, obeyed(out), obeyed(err)]).toEqual([argv, [], []]);
    // Where there is a document it is whole.
    if (out !== '') JSON.parse(out);
  }
});

it('columns stay in line whatever is in them', async () => {
  const { out } = await on(['list'], { columns: 200, env: { NO_COLOR: '1' } });
  const [head = '', first = ''] = out.split('\n');
  // Of the name, 日本 takes four columns and is of two units, the family takes two and is of eight.
  expect(first.indexOf(runs[1] ?? '?')).toBe(head.indexOf('RUN') - 2 + 6);
});

it('colours come on a terminal alone; NO_COLOR and FORCE_COLOR decide', async () => {
  const coloured = async (terminal: object) => (await on(['list'], terminal)).out.includes('\x1b[');
  expect(await coloured({})).toBe(false);
  expect(await coloured({ columns: 100 })).toBe(true);
  expect(await coloured({ columns: 100, env: { NO_COLOR: '1' } })).toBe(false);
  expect(await coloured({ env: { FORCE_COLOR: '1' } })).toBe(true);
  expect(await coloured({ columns: 100, env: { FORCE_COLOR: '0' } })).toBe(false);
  expect(await coloured({ columns: 100, env: { TERM: 'dumb' } })).toBe(false);
});
