import { Module } from '@nestjs/common';
import { join } from 'node:path';
import {
  callWorkflow,
  days,
  DurableClient,
  DurableEvents,
  Schedule,
  sleep,
  Step,
  waitForApproval,
  waitForEvent,
  waitForForm,
  Workflow,
} from 'nest-durable';
import { DurableDashboardModule } from 'nest-durable/dashboard';
import * as testing from 'nest-durable/testing';
import { filter, firstValueFrom, take } from 'rxjs';
import ts from 'typescript';
import { encode } from '../../lib/core/codec/codec.js';
import { literalOf } from '../../lib/dashboard/api/literal.js';
import { testSourceOf } from '../../lib/dashboard/api/test-source.js';
import { createTestDatabase } from '../support/database.js';
import { until } from '../support/until.js';
import { type RunningApp, startApp } from './hosts.js';

/** What is exported as a test is compiled, and run: it gives a workflow what the run was given, and sees it end alike. */

let broken = false;

@Workflow({ name: 'claim "x"' })
@Schedule({ name: 'none', cron: '0 0 1 1 *', enabled: false })
class ClaimWorkflow {
  @Step()
  async begin(data: { since: Date; amount: bigint }) {
    return { ...data, days: data.since.getUTCDate() };
  }

  @Step({ retry: { maxAttempts: 2, initialDelay: 1, jitter: false } })
  async ask(data: object) {
    const allowed = await waitForApproval('allow');
    const form = await waitForForm('details', { fields: [{ name: 'note', type: 'text' }] });
    if (broken) throw new TypeError('no \u2028 */ `${money}`');
    return { ...data, allowed, form };
  }

  @Step()
  async hear(data: object) {
    const paid = await waitForEvent<{ at: Date; parts: Map<string, unknown> }>('paid');
    await sleep(1);
    return { ...data, paid };
  }
}

@Workflow({ name: 'parent' })
class ParentWorkflow {
  @Step()
  async call() {
    return { got: await callWorkflow(ChildWorkflow, {}) };
  }

  @Step()
  async last() {
    await sleep(days(40));
  }
}

@Workflow({ name: 'child' })
class ChildWorkflow {
  @Step()
  async only() {
    return { ok: true };
  }
}

@Module({ providers: [ClaimWorkflow, ParentWorkflow, ChildWorkflow] })
class AppModule {}

let running: RunningApp;
let client: DurableClient;

beforeAll(async () => {
  const { url } = await createTestDatabase();
  const dashboard = DurableDashboardModule.forRoot({ guards: [{ canActivate: () => true }] });
  running = await startApp({ name: 'express', framework: 'express' }, url, [dashboard, { module: AppModule }], {
    workers: true,
  });
  client = running.app.get(DurableClient);
});
afterAll(() => running.close());

async function exported(id: string): Promise<string> {
  const { status, headers, text } = await running.ask(`/api/runs/${id}/export?as=test`);
  expect([status, headers['content-type']]).toEqual([200, 'text/plain; charset=utf-8']);
  return text;
}

/** Waits until the run has asked for that. */
const asked = (name: string) =>
  firstValueFrom(
    running.app
      .get(DurableEvents)
      .inputs()
      .pipe(
        filter((event) => event.kind === 'input_requested' && event.inputName === name),
        take(1),
      ),
  );

async function claimed(): Promise<string> {
  const first = asked('allow');
  const { id } = await client.start(
    ClaimWorkflow,
    { since: new Date(0), amount: 12n },
    { tags: { 'a-b': "it's" }, priority: 3 },
  );
  await first;
  const second = asked('details');
  await client.provideInput(id, 'allow', true);
  await second;
  await client.sendEvent(
    id,
    'paid',
    { at: new Date(5), parts: new Map([['__proto__', { __proto__x: 1 }]]) },
    { dedupeKey: 'k"1' },
  );
  await client.provideInput(id, 'details', { note: 'line\nbreak ${x} \u2028' });
  await client
    .handle(id)
    .result()
    .catch(() => {});
  return id;
}

/** What the source's own test does. */
async function runs(source: string): Promise<void> {
  const { outputText } = ts.transpileModule(source, {
    compilerOptions: { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2023 },
  });
  const modules: Record<string, unknown> = { 'nest-durable/testing': testing, '../src/app.module': { AppModule } };
  const tests: (() => Promise<void>)[] = [];
  const it = (_title: string, test: () => Promise<void>): void => void tests.push(test);
  // oxlint-disable-next-line typescript/no-implied-eval -- The source that was just exported, to see that it does what it says.
  new Function('require', 'exports', 'it', 'expect', outputText)((name: string) => modules[name], {}, it, expect);
  expect(tests).toHaveLength(1);
  for (const test of tests) await test();
}

/** Faults that the compiler finds in the source, as a file of this package's own tests. */
function faultsOf(source: string): string[] {
  const root = join(import.meta.dirname, '../..');
  const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), (path) => ts.sys.readFile(path));
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
  const files = new Map([
    [join(root, 'test/dashboard/made.spec.ts'), source.replace("'../src/app.module'", "'./made.module.js'")],
    [join(root, 'test/dashboard/made.module.ts'), 'export class AppModule {}\n'],
  ]);
  const host = ts.createCompilerHost(options);
  const { readFile, fileExists, getSourceFile } = host;
  host.readFile = (path) => files.get(path) ?? readFile.call(host, path);
  host.fileExists = (path) => files.has(path) || fileExists.call(host, path);
  host.getSourceFile = (path, version, ...rest) => {
    const text = files.get(path);
    return text === undefined
      ? getSourceFile.call(host, path, version, ...rest)
      : ts.createSourceFile(path, text, version);
  };
  const [made = ''] = files.keys();
  const program = ts.createProgram([made], { ...options, noEmit: true, skipLibCheck: true }, host);
  const file = program.getSourceFile(made);
  return [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)].map(({ messageText }) =>
    ts.flattenDiagnosticMessageText(messageText, '\n'),
  );
}

it('gives what was given, compiles, and passes', async () => {
  const id = await claimed();
  const source = await exported(id);
  expect(source).toContain('await run.provideInput("allow", true)');
  expect(source).toContain(`{ dedupeKey: "k\\"1" }`);
  expect(source).toContain(`since: new Date('1970-01-01T00:00:00.000Z'), amount: BigInt('12')`);
  expect(faultsOf(source)).toEqual([]);
  await runs(source);
});

it('of a run that failed sees it fail, and says where', async () => {
  broken = true;
  const source = await exported(await claimed());
  expect(source).toContain('// - ask, attempt 2: TypeError: no   */ `${money}`');
  await runs(source);
  broken = false;
  // It is the failure that it looks for, not any end.
  await expect(runs(source)).rejects.toThrow(/toMatchObject/);
});

it('of a run that was cancelled cancels it, and of one that waits leaves it waiting', async () => {
  const run = await client.start(ParentWorkflow, {});
  await until(async () => (await run.execution())?.status === 'waiting' && (await run.steps()).length > 1);
  const waiting = await exported(run.id);
  expect(waiting).toContain('Its children run in the test too');
  await runs(waiting);
  await run.cancel('enough');
  const cancelled = await exported(run.id);
  expect(cancelled).toContain('await run.cancel();');
  await runs(cancelled);
});

it('moves the clock as far as time has passed between what was given', () => {
  const run = {
    id: 'i', workflow: 'w', status: 'completed', input: {}, data: {}, tags: {}, priority: 0, queue: 'ai', version: 2, error: null,
    createdAt: new Date(0), startedAt: new Date(5_000), scheduledAt: null, updatedAt: new Date(0), completedAt: new Date(90_000_700),
  } as never; // prettier-ignore
  const given = [500, 5_100, 86_405_100].map((at) => ({
    kind: 'event' as const, at: new Date(at), name: 'go', payload: undefined, dedupeKey: null,
  })); // prettier-ignore
  const lines = testSourceOf({ run, given, failed: [], hasChildren: false })
    .split('\n')
    .map((line) => line.trim());
  expect(lines.filter((line) => /advance|idle|sendEvent/.test(line))).toEqual([
    'await test.idle();', 'await run.sendEvent("go");',
    'await test.advance(100);', 'await run.sendEvent("go");',
    'await test.advance(86400000);', 'await run.sendEvent("go");',
    'await test.advance(5394400);',
  ]); // prettier-ignore
  expect(lines.some((line) => line.includes('queue "ai"'))).toBe(true);
});

it.each<[unknown]>([
  [{ a: [1, -0, NaN, -Infinity, null, undefined, 'x"\n\u2028\ud800', true], 'b-c': { __proto: 1 } }],
  [JSON.parse('{"__proto__":{"x":1},"constructor":2}')],
  [
    [
      new Date(7),
      new Date(NaN),
      new Map<unknown, unknown>([[{ k: 1 }, new Set([1n])]]),
      new URL('https://a.b/?q="'),
      Buffer.from('hé'),
    ],
  ],
  [[new Uint16Array([1, 65_535]), new BigInt64Array([-5n]), new Float64Array([0.5]), new Uint8Array([1, 2]).buffer]],
  [Array.from({ length: 40 }, (_, n) => ({ [`key ${n}`]: 'long enough to be broken' }))],
  [{}],
  [[]],
  [''],
])('writes value %# as source that makes it again', (value) => {
  // oxlint-disable-next-line typescript/no-implied-eval -- It is what was written of a value above.
  const made: unknown = new Function(`return (${literalOf(value)});`)();
  expect(encode(made)).toBe(encode(value));
  expect(Object.getPrototypeOf(made)).toBe(Object.getPrototypeOf(value));
});
