import 'reflect-metadata';
import { Inject, Injectable, Module, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import * as first from 'nest-durable';
import { pathToFileURL } from 'node:url';

/**
 * An app with the module of this package's sources, and workflows and services that are written against a second copy of
 * them, as a monorepo or a package built twice loads it.
 */
const [url = '', place = '', version] = process.argv.slice(2);
const second = (await import(pathToFileURL(`${place}/lib/index.ts`).href)) as typeof first;
const findings: Record<string, unknown> = {};
let attempts = 0;

@second.Workflow({ name: 'catches' })
class CatchesWorkflow {
  @second.Step()
  async wait() {
    const error: unknown = await second.waitForEvent('never', { timeout: 1 }).catch((thrown: unknown) => thrown);
    return {
      known: error instanceof second.WaitTimeoutError && error instanceof second.DurableError,
      other: error instanceof second.WaitCancelledError,
      theirs: error instanceof first.WaitTimeoutError,
    };
  }
}

@second.Workflow({ name: 'child' })
class ChildWorkflow {
  @second.Step()
  work() {
    return { child: true };
  }
}

@second.Workflow({ name: 'order' })
class OrderWorkflow {
  @second.Step()
  async wait(data: object) {
    const [once, event] = [await second.once('o', () => 1), await second.waitForEvent('paid')];
    second.putContext('key', second.currentStep());
    const child = await second.callWorkflow(ChildWorkflow, {});
    return { ...data, once, event, child };
  }

  @second.Decision({ goto: ['last'] })
  decide() {
    return second.goto('last');
  }

  @second.Step()
  skipped() {
    findings['skipped'] = true;
  }

  @second.Step()
  last() {}
}

@first.Workflow({ name: 'fatal' })
class FatalWorkflow {
  @first.Step({ retry: { maxAttempts: 3, initialDelay: 1 } })
  fail() {
    attempts++;
    throw new second.FatalError('never again');
  }
}

@Injectable()
class SecondService {
  constructor(
    @Inject(second.DurableClient) readonly client: first.DurableClient,
    @Inject(second.DurableQueues) readonly queues: first.DurableQueues,
  ) {}
}

const warnings: string[] = [];
const ignore = () => {};
const logger = { log: ignore, error: ignore, warn: (message: string) => void warnings.push(message) };

async function boot(imports: unknown[], providers: Type[]) {
  @Module({ imports: imports as never, providers })
  class AppModule {}
  return NestFactory.createApplicationContext(AppModule, { logger, abortOnError: false });
}

const options = { database: { url } };
const app = await boot(
  [first.DurableModule.forRoot(options)],
  [ChildWorkflow, OrderWorkflow, FatalWorkflow, CatchesWorkflow, SecondService],
);
const service = app.get(SecondService);
const client = app.get(first.DurableClient);
findings['injected'] = service.client instanceof first.DurableClient && (await service.queues.list()).length > 0;
if (version === undefined) {
  const run = await client.start('order', {});
  await run.sendEvent('paid', 7);
  findings['result'] = await run.result();
  findings['fatal'] = await (await client.start('fatal', {})).result().catch((error: { code: string }) => error.code);
  findings['attempts'] = attempts;
  findings['caught'] = await (await client.start('catches', {})).result();
  findings['error'] = await service.client
    .getExecution('x')
    .catch((error: unknown) => (error as { code: string }).code);
} else {
  const run = await client.start('order', {});
  findings['result'] = await run.result().catch((error: { cause: { code: string } }) => error.cause.code);
}
await app.close();
const both = [first.DurableModule.forRoot(options), second.DurableModule.forRoot(options)];
findings['both'] = await boot(both, []).then(
  () => 'booted',
  (error: unknown) => (error as Error).message,
);
process.send?.({ findings, warnings }, () => process.exit(0));
