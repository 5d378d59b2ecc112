import type { INestApplication } from '@nestjs/common';
import type { TestingModule } from '@nestjs/testing';
import { createDurableTest, type DurableTest } from 'nest-durable/testing';
import { onTestServer } from '../testing/support.js';

/** A sample's app with a clock that the test moves, and its HTTP interface. */
export interface SampleTest {
  readonly test: DurableTest;
  /** What it answers, as JSON. @throws Error with the status where that is none of success */
  get<T>(path: string): Promise<T>;
  post<T>(path: string, body?: object | string, headers?: Record<string, string>): Promise<T>;
  /** The HTTP status of a POST. */
  statusOf(path: string, body: object | string, headers?: Record<string, string>): Promise<number>;
}

/** @param rawBody as in the sample's `main.ts` */
export async function startSampleTest(AppModule: new () => object, rawBody = false): Promise<SampleTest> {
  const createApp = (module: TestingModule): INestApplication =>
    module.createNestApplication({ logger: false, rawBody });
  const test = await createDurableTest({ imports: [AppModule], createApp }, onTestServer);
  await test.app.listen(0, '127.0.0.1');
  const url = await test.app.getUrl();
  const send = (path: string, body: object | string, headers: Record<string, string>): Promise<Response> =>
    fetch(url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
  const read = async <T>(answer: Response): Promise<T> => {
    if (!answer.ok) throw new Error(`${answer.url} answers ${answer.status}: ${await answer.text()}`);
    return (await answer.json()) as T;
  };
  return {
    test,
    get: async <T>(path: string) => read<T>(await fetch(url + path)),
    post: async <T>(path: string, body: object | string = {}, headers: Record<string, string> = {}) =>
      read<T>(await send(path, body, headers)),
    statusOf: async (path, body, headers = {}) => {
      const answer = await send(path, body, headers);
      await answer.arrayBuffer();
      return answer.status;
    },
  };
}
