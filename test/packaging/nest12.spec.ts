import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createTestDatabase } from '../support/database.js';
import { FreshApp, INSTALL_TIMEOUT } from './fresh-app.js';
import { command, Packed } from './packed.js';

/** A fresh Nest 12 app of ES modules with nothing more than it needs: no HTTP platform, no OpenTelemetry, no class-validator. */
let packed: Packed;
let app: FreshApp;

beforeAll(async () => {
  packed = await Packed.pack();
  app = await FreshApp.install(packed, 'nest12');
  app.tsc('typescript', []);
}, INSTALL_TIMEOUT);

afterAll(() => packed.remove());

const receipt = { id: 'o1', chargeId: 'charge of o1', parcel: 'parcel 1' };

describe('a minimal Nest 12 app', () => {
  it('has none of the optional packages', () => {
    const optional = ['@nestjs/platform-express', '@opentelemetry/api', '@nestjs/schedule', 'class-validator'];
    expect(optional.filter((name) => existsSync(join(app.folder, 'node_modules', name)))).toEqual([]);
  });

  it.each(['typescript59', 'typescript'])('compiles with skipLibCheck: false under %s', (compiler) => {
    expect(app.tsc(compiler, ['--noEmit'])).toBe('');
    expect(app.tsc(compiler, ['--module', 'preserve', '--moduleResolution', 'bundler', '--noEmit'])).toBe('');
  });

  it('runs a workflow on the embedded server by default, which ends with it and which git ignores', async () => {
    expect(JSON.parse(app.node(['dist/main.js'], { NODE_ENV: 'development' }))).toEqual(receipt);
    const place = join(app.folder, '.durable');
    expect(await readFile(join(place, '.gitignore'), 'utf8')).toBe('*\n');
    expect(await readdir(join(place, 'postgres', 'data'))).not.toContain('postmaster.pid');
  });

  it('starts runs from a process without the providers, once a worker has booted, and lists them on the command line', async () => {
    const { url, drop } = await createTestDatabase({ migrated: false });
    const env = { DATABASE_URL: url };
    expect(app.node(['dist/api.js'], env)).toMatch(
      /^There is no workflow "process_order".* a worker .* must have booted/,
    );
    const worker = await app.start('dist/worker.js', env);
    expect(JSON.parse(app.node(['dist/api.js'], env))).toEqual({
      id: 'o2',
      chargeId: 'charge of o2',
      parcel: 'parcel 2',
    });
    expect(command('npx', ['--no', 'nest-durable', 'list', '--url', url], app.folder)).toMatch(
      /completed +process_order/,
    );
    worker.kill('SIGTERM');
    await once(worker, 'exit');
    await drop();
  });
});

describe('its tests', () => {
  it('run under Vitest', () => {
    expect(app.test('node_modules/vitest/vitest.mjs', 'run', '--reporter=json')).toBe(4);
  });

  it('run under Jest, as ES modules', () => {
    expect(app.test('--experimental-vm-modules', 'node_modules/jest/bin/jest.js', '--json')).toBe(4);
  });
});

describe('esbuild', () => {
  const optional = [
    '@nestjs/microservices',
    '@nestjs/websockets',
    '@nestjs/platform-express',
    '@nestjs/testing',
    '@opentelemetry/api',
    'class-transformer',
    'class-validator',
  ];

  it('makes one file of the app, with packages external', () => {
    app.node(['bundle.mjs', 'bundle/app.mjs', 'esm', '*']);
    expect(JSON.parse(app.node(['bundle/app.mjs'], { NODE_ENV: 'development' }))).toEqual(receipt);
  });

  it('is told of by an error where it has taken this package in too', () => {
    app.node(['bundle.mjs', 'bundle/all.mjs', 'esm', ...optional]);
    const said = app.failing(['bundle/all.mjs'], { NODE_ENV: 'development' });
    expect(said).toMatch(/^Error: nest-durable is part of a bundle .* external.* --packages=external/m);
  });
});
