import type { INestApplicationContext, Provider } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { DurableClient, DurableModule, type DurableModuleOptions } from 'nest-durable';
import { Effects } from './effects.js';

const nothing = () => {};
/** Faults make the engine warn, which is not what these tests look at. */
const SILENT = { log: nothing, warn: nothing, error: nothing };

export interface FaultApp {
  readonly app: INestApplicationContext;
  readonly client: DurableClient;
  close(): Promise<void>;
}

/** An app in the test's own process, with its workers unless `options` say otherwise. */
export async function openApp(
  options: DurableModuleOptions,
  providers: Provider[] = [],
  effects?: Effects,
): Promise<FaultApp> {
  const module = await Test.createTestingModule({
    imports: [DurableModule.forRoot(options)],
    providers: [...(effects === undefined ? [] : [{ provide: Effects, useValue: effects }]), ...providers],
  })
    .setLogger(SILENT)
    .compile();
  const app = await module.init();
  return { app, client: app.get(DurableClient), close: () => app.close() };
}
