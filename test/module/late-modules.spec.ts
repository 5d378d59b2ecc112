import { Module } from '@nestjs/common';
import { LazyModuleLoader } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import { DurableClient, DurableModule, Step, Workflow, WorkflowNotFoundError } from 'nest-durable';
import { createTestDatabase } from '../support/database.js';
import { openApp, thrownBy } from '../support/kit-app.js';

/** A module that is loaded after the boot brings a workflow: its runs are not begun here, and that is said. */

@Workflow({ name: 'late' })
class LateWorkflow {
  @Step()
  run() {}
}

@Module({ providers: [LateWorkflow] })
class LateModule {}

const warned: string[] = [];
const note = (message: unknown): void => void warned.push(String(message));
const logger = { log() {}, error() {}, warn: note };

let url: string;
let client: DurableClient;
let close: () => Promise<void>;

beforeAll(async () => {
  ({ url } = await createTestDatabase());
  const module = await Test.createTestingModule({ imports: [DurableModule.forRoot({ database: { url } })] })
    .setLogger(logger)
    .compile();
  const app = await module.init();
  close = () => app.close();
  client = app.get(DurableClient);
  await app.get(LazyModuleLoader).load(() => LateModule);
});

afterAll(() => close());

const LATE = /loaded after the boot \(LazyModuleLoader\).*import the module/i;

it.each<[string, typeof LateWorkflow | string]>([
  ['its class', LateWorkflow],
  ['its name', 'late'],
])('a start by %s is refused, and says why', async (_by, workflow) => {
  const error = await thrownBy(() => client.start(workflow, {}));
  expect(error).toBeInstanceOf(WorkflowNotFoundError);
  expect(error?.message).toMatch(LATE);
});

it('runs of it are started where another process works on them, which this one warns of once', async () => {
  const worker = await openApp(url, [LateWorkflow]);
  try {
    for (const workflow of [LateWorkflow, 'late']) await (await client.start(workflow, {})).result();
    expect(warned.filter((line) => LATE.test(line))).toEqual([expect.stringContaining('"late"')]);
  } finally {
    await worker.app.close();
  }
});
