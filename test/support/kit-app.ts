import type { INestApplicationContext, Provider } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import {
  DurableClient,
  DurableModule,
  type DurableModuleOptions,
  type Execution,
  type WorkflowHandle,
} from 'nest-durable';
import { createDurableTest, type DurableTest, type DurableTestOptions } from 'nest-durable/testing';

const server = { databaseUrl: process.env['TEST_SERVER_URL'] };

/** The testing kit on the server of the test run. */
export function kit(providers: Provider[], options: DurableTestOptions = {}): Promise<DurableTest> {
  return createDurableTest({ providers, patience: 30_000, ...options }, server);
}

/** The same with options that need the URL of the database. */
export function kitAt(options: (url: string) => DurableTestOptions): Promise<DurableTest> {
  return createDurableTest((url) => ({ patience: 30_000, ...options(url) }), server);
}

/** An app as in production. */
export interface App {
  readonly app: INestApplicationContext;
  readonly client: DurableClient;
}

/** An app with the real clock, on a database that exists. */
export async function openApp(url: string, providers: Provider[], options: DurableModuleOptions = {}): Promise<App> {
  const imports = [DurableModule.forRoot({ database: { url }, ...options })];
  const module = await Test.createTestingModule({ imports, providers }).compile();
  const app = module.createNestApplication();
  try {
    await app.init();
  } catch (error) {
    await app.close().catch(() => {});
    throw error;
  }
  return { app, client: app.get(DurableClient, { strict: false }) };
}

/** What stops the boot of an app with these providers; undefined when nothing does. */
export async function bootError(url: string, ...providers: Provider[]): Promise<Thrown | undefined> {
  try {
    const { app } = await openApp(url, providers);
    await app.close();
    return undefined;
  } catch (error) {
    return error as Thrown;
  }
}

export type Thrown = Error & { code?: string; status?: string; cause?: unknown };

/** What the function throws or its promise is rejected with; undefined when neither. */
export async function thrownBy(fn: () => unknown): Promise<Thrown | undefined> {
  try {
    await fn();
    return undefined;
  } catch (error) {
    return error as Thrown;
  }
}

/** What has become of a run, once nothing is left to do. */
export async function settled(test: DurableTest, run: WorkflowHandle<unknown>): Promise<Execution> {
  await test.idle();
  return present(await run.execution());
}

export function present<T>(value: T | null | undefined): T {
  if (value === null || value === undefined) throw new Error('It is not there');
  return value;
}

/** A promise that is settled from outside. */
export class Gate<T = void> {
  readonly promise: Promise<T>;
  open: (value: T) => void = () => {};

  constructor() {
    this.promise = new Promise((resolve) => (this.open = resolve));
  }
}

/** Opens once so many have come. */
export class Barrier {
  private readonly gate = new Gate();
  private here = 0;

  constructor(private readonly size: number) {}

  come(): Promise<void> {
    if (++this.here === this.size) this.gate.open();
    return this.gate.promise;
  }
}
