import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '../../lib/storage/embedded/free-port.js';
import { createTestDatabase } from '../support/database.js';
import { until } from '../support/until.js';
import { FreshApp, INSTALL_TIMEOUT } from './fresh-app.js';
import { Packed, repository } from './packed.js';

/** A fresh Nest 11 app of CommonJS on TypeORM 0.3, with the compiler options and the Jest that `nest new` 11 gave it. */
let packed: Packed;
let app: FreshApp;

beforeAll(async () => {
  packed = await Packed.pack();
  app = await FreshApp.install(packed, 'nest11');
  app.tsc('typescript', []);
}, INSTALL_TIMEOUT);

afterAll(() => packed.remove());

it('compiles with moduleResolution: node, and with skipLibCheck: false', () => {
  expect(app.tsc('typescript', ['--skipLibCheck', 'false', '--noEmit', '--incremental', 'false'])).toBe('');
});

it('shares its DataSource by forRootAsync and ConfigService: steps and starts are in its transactions', async () => {
  const { url, drop } = await createTestDatabase({ migrated: false });
  expect(JSON.parse(app.node(['dist/main.js'], { DATABASE_URL: url }))).toEqual({
    result: { amount: 7, orderId: 1 },
    saved: [{ id: 1, amount: 7 }],
  });
  await drop();
});

it('is what sample 13 runs in: money is moved and given back exactly once, and a transfer has its run', async () => {
  const source = join(repository, 'sample/13-nest11-shared-data-source');
  for (const part of ['src', 'tsconfig.json']) {
    await cp(join(source, part), join(app.folder, 'sample', part), { recursive: true });
  }
  expect(app.tsc('typescript', ['-p', 'sample'])).toBe('');
  const { url, drop } = await createTestDatabase({ migrated: false });
  const port = String(await freePort());
  const server = await app.start('sample/dist/main.js', { DATABASE_URL: url, PORT: port });
  const transfers = `http://127.0.0.1:${port}/transfers`;
  const balances = async (): Promise<unknown> => {
    const answer = await fetch(`${transfers}/accounts`).catch(() => null);
    return answer && ((await answer.json()) as { balance: number }[]).map(({ balance }) => balance);
  };
  expect(await until(balances)).toEqual([1_000, 0]);

  const move = async (amount: number): Promise<{ status: string; printed: string }> => {
    const body = JSON.stringify({ source: 'ann', target: 'bob', amount });
    const made = await fetch(transfers, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
    const { id } = (await made.json()) as { id: string };
    return until(async () => {
      const printed = await (await fetch(`${transfers}/${id}`)).text();
      const { status } = JSON.parse(printed) as { status: string };
      return ['completed', 'compensated'].includes(status) && { status, printed };
    });
  };
  const moved = await move(100);
  expect(moved.status).toBe('completed');
  expect(moved.printed).toContain('{\n  "id": ');
  expect((await move(666)).status).toBe('compensated');
  expect(await balances()).toEqual([900, 100]);

  server.kill('SIGTERM');
  await once(server, 'exit');
  await drop();
});

it('has its tests run by the ts-jest it came with', () => {
  expect(existsSync(join(app.folder, 'node_modules', '@opentelemetry'))).toBe(false);
  expect(app.test('node_modules/jest/bin/jest.js', '--json')).toBe(4);
});
