import { createDurableTest, type DurableTest, type DurableTestOptions } from 'nest-durable/testing';

/** The server of the test run, in place of one more embedded server. */
export const databaseUrl = process.env['TEST_SERVER_URL'] ?? '';

export function createTest(options: DurableTestOptions): Promise<DurableTest> {
  return createDurableTest({ ...options, databaseUrl });
}

/** A promise that is settled from outside. */
export class Gate<T = void> {
  readonly promise: Promise<T>;
  open: (value: T) => void = () => {};

  constructor() {
    this.promise = new Promise((resolve) => (this.open = resolve));
  }
}
