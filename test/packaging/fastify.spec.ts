import { FreshApp, INSTALL_TIMEOUT } from './fresh-app.js';
import { Packed } from './packed.js';

/** A fresh Nest 12 app on Fastify, without Express. */
let packed: Packed;
let app: FreshApp;

beforeAll(async () => {
  packed = await Packed.pack();
  app = await FreshApp.install(packed, 'fastify');
  app.tsc('typescript', []);
}, INSTALL_TIMEOUT);

afterAll(() => packed.remove());

it('serves runs on Fastify, and is tested with or without that', () => {
  expect(JSON.parse(app.node(['dist/main.js'], { NODE_ENV: 'development' }))).toEqual({
    served: { name: 'ann', greeting: 'hello ann' },
    tested: { name: 'bob', greeting: 'hello bob' },
    context: true,
  });
});
