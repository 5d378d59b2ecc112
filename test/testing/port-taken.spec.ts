import { jest } from '@jest/globals';
import { once } from 'node:events';
import { readdir, readFile, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { freePort } from '../../lib/storage/embedded/free-port.js';

const offered: number[] = [];
const ports = jest.fn<() => Promise<number>>(async () => offered.shift() ?? freePort());
jest.unstable_mockModule('../../lib/storage/embedded/free-port.js', () => ({ freePort: ports }));

it('the embedded server takes another port when another program has taken the first meanwhile', async () => {
  const { testServer } = await import('../../lib/testing/test-server.js');
  await forgetServers();
  const other = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
  await once(other, 'listening');
  const taken = (other.address() as AddressInfo).port;
  offered.push(taken);
  try {
    const { url } = await testServer(undefined);
    expect(ports).toHaveBeenCalledTimes(2);
    expect(Number(new URL(url).port)).not.toBe(taken);
    await endServer(url);
  } finally {
    other.close();
  }
});

/** One that an earlier spec file of this process has started would be taken. */
async function forgetServers(): Promise<void> {
  const home = join(tmpdir(), `nest-durable-testing-${process.getuid?.() ?? 'user'}`);
  const names = await readdir(home).catch(() => []);
  const ours = names.filter((name) => name.startsWith(`${process.pid}-`) && name.endsWith('-embedded.json'));
  await Promise.all(ours.map((name) => rm(join(home, name))));
}

/** It would go with this process, which has more spec files to run. */
async function endServer(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  const { rows } = await client.query<{ data_directory: string }>('SHOW data_directory');
  const ended = new Promise((resolve) => client.once('end', resolve));
  const [pid] = (await readFile(join(rows[0]?.data_directory ?? '', 'postmaster.pid'), 'utf8')).split('\n');
  process.kill(Number(pid), 'SIGQUIT');
  await ended;
}
