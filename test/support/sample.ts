import type { INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { DurableClient } from 'nest-durable';
import { createTestDatabase } from './database.js';

/** A sample's app as `npm start` runs it, on a database of its own and a free port. */
export interface SampleApp {
  post(path: string, body: object): Promise<{ id: string }>;
  get(path: string): Promise<unknown>;
  /** Starts a run over HTTP, waits for its end, and reads it over HTTP. */
  run(path: string, body: object): Promise<SampleRun>;
  close(): Promise<void>;
}

/** A run as it comes over HTTP. */
export interface SampleRun {
  status: string;
  data: Record<string, unknown>;
  error: { message: string } | null;
  compensationResults: { step: string; compensation: string; status: string }[];
  steps: { step: string; path: string; status: string; attempt: number; visit: number; isCompensation: boolean }[];
}

/** @param load imports the sample's module; the database must be known before */
export async function startSample(
  load: () => Promise<{ AppModule: new (...args: never[]) => object }>,
): Promise<SampleApp> {
  const database = await createTestDatabase();
  process.env['DATABASE_URL'] = database.url;
  const { AppModule } = await load();
  const module = await Test.createTestingModule({ imports: [AppModule] }).compile();
  const app: INestApplication = module.createNestApplication({ logger: false });
  await app.listen(0, '127.0.0.1');
  const url = await app.getUrl();
  const client = app.get(DurableClient);

  const get = (path: string): Promise<unknown> => read(fetch(url + path));
  const post = async (path: string, body: object): Promise<{ id: string }> => {
    const headers = { 'content-type': 'application/json' };
    const answer = await read(fetch(url + path, { method: 'POST', headers, body: JSON.stringify(body) }));
    return answer as { id: string };
  };
  return {
    get,
    post,
    async run(path, body) {
      const { id } = await post(path, body);
      await client.handle(id).result().catch(noted);
      return (await get(`${path}/${id}`)) as SampleRun;
    },
    close: () => app.close(),
  };
}

/** How a run failed is read from the run. */
function noted(error: unknown): void {
  if (!(error instanceof Error) || !('executionId' in error)) throw error;
}

async function read(answer: Promise<Response>): Promise<unknown> {
  const response = await answer;
  if (!response.ok) throw new Error(`${response.url} answers ${response.status}: ${await response.text()}`);
  return response.json();
}
