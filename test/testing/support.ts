/** The server of the test run, in place of one more embedded server. */
export const onTestServer = { databaseUrl: process.env['TEST_SERVER_URL'] };

/** A promise that is settled from outside. */
export class Gate<T = void> {
  readonly promise: Promise<T>;
  open: (value: T) => void = () => {};

  constructor() {
    this.promise = new Promise((resolve) => (this.open = resolve));
  }
}
