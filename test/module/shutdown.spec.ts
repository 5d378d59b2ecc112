import type { INestApplicationContext } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import {
  type DurableClient,
  DurableHealthIndicator,
  DurableModule,
  type DurableModuleOptions,
  Step,
  stepSignal,
  Workflow,
  workflowId,
} from 'nest-durable';
import { DurableLauncher } from '../../lib/lifecycle/durable.launcher.js';
import { createTestDatabase } from '../support/database.js';
import { Gates, openApp } from '../support/plain-app.js';
import { startProxy } from '../support/tcp-proxy.js';
import { until } from '../support/until.js';

/** Shutdown. A lease of ten minutes: who waits for one does not end in time. */

const gates = new Gates();
const calls: string[] = [];
const aborted: string[] = [];

@Workflow({ name: 'slow' })
class SlowWorkflow {
  @Step()
  async first({ gate }: { gate: string; stuck?: boolean }) {
    calls.push(`${workflowId()} first`);
    const id = workflowId();
    stepSignal().addEventListener('abort', () => aborted.push(id));
    await gates.pass(gate);
    return { first: true };
  }

  @Step()
  second(data: object) {
    calls.push(`${workflowId()} second`);
    return { ...data, second: true };
  }
}

let url: string;
const apps: INestApplicationContext[] = [];
const callsOf = (run: { id: string }): string[] => calls.filter((call) => call.startsWith(run.id));

beforeEach(async () => {
  ({ url } = await createTestDatabase());
});

afterEach(async () => {
  gates.openAll();
  await Promise.all(apps.splice(0).map((app) => app.close()));
});

async function node(
  options: DurableModuleOptions = {},
): Promise<{ app: INestApplicationContext; client: DurableClient }> {
  const opened = await openApp({ database: { url }, leaseTimeout: 600_000, ...options }, [SlowWorkflow]);
  apps.push(opened.app);
  return opened;
}

it('running steps finish, nothing new is claimed, and the runs are handed back', async () => {
  const api = await node({ workers: false });
  const worker = await node({ queues: { default: { concurrency: 10 } } });
  const run = await api.client.start(SlowWorkflow, { gate: 'finish' });
  await gates.arrived('finish');
  const closing = worker.app.close();
  const health = worker.app.get(DurableHealthIndicator);
  await until(async () => (await health.readiness()).durable.status === 'down');
  const late = await api.client.start(SlowWorkflow, { gate: 'finish' });
  await worker.client.sweep().catch(() => {});
  expect((await late.execution())?.status).toBe('pending');
  gates.open('finish');
  await closing;
  expect(await api.client.getSteps(run.id)).toMatchObject([{ step: 'first', status: 'completed' }]);
  expect(callsOf(late)).toEqual([]);
  await node();
  expect(await run.result()).toEqual({ first: true, second: true });
  expect(callsOf(run)).toEqual([`${run.id} first`, `${run.id} second`]);
  await late.result();
});

it('after shutdownTimeout the signal is aborted, and the runs are handed back at once', async () => {
  const api = await node({ workers: false });
  const worker = await node({ shutdownTimeout: 50, abortGrace: 50 });
  const run = await api.client.start(SlowWorkflow, { gate: 'stuck' });
  await gates.arrived('stuck');
  await worker.app.close();
  await until(() => aborted.includes(run.id));
  expect(callsOf(run)).toEqual([`${run.id} first`]);
  gates.open('stuck');
  await node();
  expect(await run.result()).toEqual({ first: true, second: true });
  expect(callsOf(run)).toEqual([`${run.id} first`, `${run.id} first`, `${run.id} second`]);
});

it('waits shutdownTimeout once where it comes while the engine waits for an answer to begin', async () => {
  const proxy = await startProxy(Number(new URL(url).port));
  const options = { database: { url: proxy.through(url) }, shutdownTimeout: 3_000, abortGrace: 0 };
  // A statement that the engine waits for before it begins.
  const held = proxy.holdAt('WITH RECURSIVE ready AS');
  const module = await Test.createTestingModule({
    imports: [DurableModule.forRoot(options)],
    providers: [SlowWorkflow],
  }).compile();
  const opening = module.init();
  const letGo = await held;
  // As Nest has it where it does not wait for the app to be initialised first.
  const launcher = module.get(DurableLauncher, { strict: false });
  const since = performance.now();
  await launcher.onModuleDestroy();
  await launcher.beforeApplicationShutdown();
  expect(performance.now() - since).toBeLessThan(options.shutdownTimeout + options.abortGrace + 2_000);
  letGo();
  await opening;
  await module.close();
  await proxy.close();
});

it('without enableShutdownHooks() the module warns once', async () => {
  const warnings: string[] = [];
  const ignore = (): void => {};
  const warn = (text: unknown): void => void warnings.push(String(text));
  const told = (): string[] => warnings.filter((text) => text.includes('enableShutdownHooks'));
  const { env } = process;
  process.env = { ...env, NODE_ENV: 'production' };
  const module = await Test.createTestingModule({
    imports: [DurableModule.forRoot({ database: { url } })],
    providers: [SlowWorkflow],
  })
    .setLogger({ log: ignore, error: ignore, debug: ignore, verbose: ignore, warn })
    .compile();
  const app = module.createNestApplication();
  await app.init();
  await until(() => told().length > 0);
  await app.close();
  process.env = env;
  expect(told()).toHaveLength(1);
});
