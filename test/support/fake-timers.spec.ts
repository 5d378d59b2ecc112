import { jest } from '@jest/globals';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { performance as ofNode } from 'node:perf_hooks';
import timers from 'node:timers';
import promises, { setTimeout as later } from 'node:timers/promises';

afterEach(() => {
  jest.useRealTimers();
});

const real = [timers.setTimeout, promises.setTimeout, ofNode.now, process.nextTick, queueMicrotask];

it.each([
  ['all faked', undefined],
  ['a list of what is not faked', { doNotFake: ['setImmediate' as const] }],
])("leaves Node's own timers, sockets and fetch alone: %s", async (_, options) => {
  jest.useFakeTimers(options);
  expect([timers.setTimeout, promises.setTimeout, ofNode.now, process.nextTick, queueMicrotask]).toEqual(real);
  const server = createServer((__, response) => response.end('served')).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  expect(await response.text()).toBe('served');
  await later(1);
  server.closeAllConnections();
  server.close();
});

it('fakes what tests go by, and gives it back', () => {
  const faked = [setTimeout, setInterval, setImmediate, Date, performance, process.hrtime];
  jest.useFakeTimers({ now: 1_000 });
  const calls: number[] = [];
  const timer = setTimeout(() => calls.push(Date.now()), 500);
  expect(timer.unref().ref()).toBe(timer);
  const start = performance.now();
  jest.advanceTimersByTime(499);
  expect(calls).toEqual([]);
  jest.advanceTimersByTime(1);
  expect([calls, performance.now() - start]).toEqual([[1_500], 500]);
  jest.useRealTimers();
  expect([setTimeout, setInterval, setImmediate, Date, performance, process.hrtime]).toEqual(faked);
});
