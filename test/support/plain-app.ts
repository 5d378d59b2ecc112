import type { INestApplicationContext, ModuleMetadata } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import {
  DurableClient,
  DurableError,
  DurableModule,
  type DurableModuleOptions,
  type Execution,
  type ExecutionStatus,
} from 'nest-durable';
import { createDurableTest, type DurableTest, type DurableTestOptions } from 'nest-durable/testing';
import { until } from './until.js';

/** The testing kit, on the server of the test run. */
export function kit(
  providers: NonNullable<ModuleMetadata['providers']>,
  durable: DurableTestOptions['durable'] = {},
): Promise<DurableTest> {
  const databaseUrl = process.env['TEST_SERVER_URL'];
  return createDurableTest({ providers, durable, patience: 30_000 }, { databaseUrl });
}

/** An app with the module, as a user writes it. */
export interface PlainApp {
  readonly app: INestApplicationContext;
  readonly client: DurableClient;
}

/** Starts an app whose DurableModule has these options. */
export async function openApp(
  options: DurableModuleOptions,
  providers: ModuleMetadata['providers'] = [],
  imports: ModuleMetadata['imports'] = [],
): Promise<PlainApp> {
  const module = await Test.createTestingModule({
    imports: [DurableModule.forRoot(options), ...imports],
    providers,
  }).compile();
  const app = await module.init();
  return { app, client: app.get(DurableClient, { strict: false }) };
}

/** An app that must not start: the error that stops it. */
export async function bootError(metadata: ModuleMetadata): Promise<unknown> {
  let app: INestApplicationContext | undefined;
  try {
    app = await Test.createTestingModule(metadata).compile();
    await app.init();
  } catch (error) {
    await app?.close().catch(() => {});
    return error;
  }
  await app.close();
  throw new Error('The app has started');
}

/** The run, once it has that status. */
export async function reached(client: DurableClient, id: string, status: ExecutionStatus): Promise<Execution> {
  for (;;) {
    const run = await client.getExecution(id);
    if (run?.status === status) return run;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** What the work rejects with: an error of that class, with what all errors of the package have. */
export async function caught<E extends DurableError>(
  work: Promise<unknown>,
  type: abstract new (...args: never[]) => E,
): Promise<E> {
  const error: unknown = await work.then(
    () => new Error('It did not throw'),
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(type);
  expect(error).toBeInstanceOf(DurableError);
  expect(error).toBeInstanceOf(Error);
  expect(error).toMatchObject({ code: expect.stringMatching(/./), message: expect.stringMatching(/./) });
  return error as E;
}

/** An id that no run has. */
export const NOBODY = '0199a1de-0000-7000-8000-000000000000';

/** Steps wait at a gate until the test opens it. */
export class Gates {
  private readonly gates = new Map<string, { promise: Promise<void>; open: () => void }>();
  private readonly arrivals = new Set<string>();

  /** For steps: waits until it is opened. */
  async pass(name: string): Promise<void> {
    this.arrivals.add(name);
    await this.gate(name).promise;
  }

  /** For tests: when a step has come to it. */
  arrived(name: string): Promise<true> {
    return until(() => this.arrivals.has(name));
  }

  open(name: string): void {
    this.gate(name).open();
  }

  openAll(): void {
    for (const { open } of this.gates.values()) open();
  }

  private gate(name: string): { promise: Promise<void>; open: () => void } {
    const known = this.gates.get(name);
    if (known !== undefined) return known;
    let open: () => void = () => {};
    const promise = new Promise<void>((resolve) => (open = resolve));
    const gate = { promise, open };
    this.gates.set(name, gate);
    return gate;
  }
}
