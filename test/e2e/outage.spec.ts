import { setTimeout as pause } from 'node:timers/promises';
import { surviveOutage } from '../support/faults/outage.js';

/** The database is out of reach for longer than a lease, under load. A minute of it with the defaults: test/chaos. */

const LEASE = 1_500;
const OUTAGE = 3_000;

const ONCE = { repeated: [], effects: { first: 100, second: 100, third: 100 } };

const load = {
  runs: 100,
  stepMs: 50,
  options: {
    leaseTimeout: LEASE,
    heartbeatInterval: 400,
    recoveryInterval: 100,
    queues: { default: { concurrency: 10, pollInterval: 200 } },
  },
};

it('runs no step of a living worker twice when the network falls silent for two leases', async () => {
  const survival = await surviveOutage({
    ...load,
    async strike(proxy) {
      proxy.swallow();
      await pause(OUTAGE);
      proxy.pass();
    },
  });
  expect(survival).toEqual(ONCE);
});

it('nor when the server resets every connection and takes none for two leases', async () => {
  const survival = await surviveOutage({
    ...load,
    async strike(proxy) {
      await proxy.down();
      await pause(OUTAGE);
      await proxy.up();
    },
  });
  expect(survival).toEqual(ONCE);
});

it('nor when its answers alone are lost, and the connections with them', async () => {
  const survival = await surviveOutage({
    ...load,
    async strike(proxy) {
      proxy.swallow('replies');
      await pause(OUTAGE);
      proxy.cut();
      proxy.pass();
    },
  });
  expect(survival).toEqual(ONCE);
});
