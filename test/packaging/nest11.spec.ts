import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createTestDatabase } from '../support/database.js';
import { FreshApp, INSTALL_TIMEOUT } from './fresh-app.js';
import { Packed } from './packed.js';

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

it('has its tests run by the ts-jest it came with', () => {
  expect(existsSync(join(app.folder, 'node_modules', '@opentelemetry'))).toBe(false);
  expect(app.test('node_modules/jest/bin/jest.js', '--json')).toBe(4);
});
