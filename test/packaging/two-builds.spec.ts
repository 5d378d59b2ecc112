import { join } from 'node:path';
import { createTestDatabase } from '../support/database.js';
import { command, Packed } from './packed.js';

/** The ES modules and the CommonJS of one install in one process, as where one part of an app requires and another imports. */
let packed: Packed;

beforeAll(async () => {
  packed = await Packed.pack();
  await packed.unpackBesidePeers();
  await packed.write(
    'two/workflows.cjs',
    `const durable = require('nest-durable');
     const descriptor = (type, name) => Object.getOwnPropertyDescriptor(type.prototype, name);
     class Shipping {
       async pack(data) {
         const attempt = durable.currentAttempt();
         const name = await durable.once('name', () => 'parcel of ' + data.name);
         const payment = await durable.waitForEvent('paid');
         durable.putContext('step', durable.currentStep());
         return { ...data, name, payment, attempt };
       }
       choose() { return durable.goto('last'); }
       skipped() { throw new Error('not to be reached'); }
       last() {}
     }
     durable.Step()(Shipping.prototype, 'pack', descriptor(Shipping, 'pack'));
     durable.Decision({ goto: ['last'] })(Shipping.prototype, 'choose', descriptor(Shipping, 'choose'));
     durable.Step()(Shipping.prototype, 'skipped', descriptor(Shipping, 'skipped'));
     durable.Step()(Shipping.prototype, 'last', descriptor(Shipping, 'last'));
     durable.Workflow({ name: 'shipping' })(Shipping);
     class Failing { fail() { throw new durable.FatalError('no more'); } }
     durable.Step({ retry: { maxAttempts: 3, initialDelay: 1 } })(Failing.prototype, 'fail', descriptor(Failing, 'fail'));
     durable.Workflow({ name: 'failing' })(Failing);
     module.exports = { Shipping, Failing, durable };`,
  );
});

afterAll(() => packed.remove());

it('share steps, workflows, injection and errors', async () => {
  const database = await createTestDatabase();
  await packed.write(
    'two/app.mjs',
    `import 'reflect-metadata';
     import { createRequire } from 'node:module';
     import { NestFactory } from '@nestjs/core';
     import { Module } from '@nestjs/common';
     import * as esm from 'nest-durable';
     const { Shipping, Failing, durable: cjs } = createRequire(import.meta.url)('./workflows.cjs');
     class App {}
     Module({ imports: [esm.DurableModule.forRoot({ database: { url: process.env.DATABASE } })], providers: [Shipping, Failing] })(App);
     const warnings = [];
     const logger = { log() {}, error() {}, warn: (message) => warnings.push(message) };
     const app = await NestFactory.createApplicationContext(App, { logger, abortOnError: false });
     const client = app.get(cjs.DurableClient);
     const run = await client.start(Shipping, { name: 'ann' });
     await run.sendEvent('paid', 7);
     const result = await run.result();
     const failed = await client.start(Failing, {});
     const error = await failed.result().catch((thrown) => thrown);
     console.log(JSON.stringify({
       different: esm.DurableClient !== cjs.DurableClient,
       same: client === app.get(esm.DurableClient),
       result,
       attempts: (await failed.steps()).length,
       error: [error.code, error instanceof cjs.WorkflowFailedError, error instanceof esm.DurableError],
       warnings: warnings.filter((message) => message.includes('version')),
     }));
     await app.close();`,
  );
  const said = command(process.execPath, ['app.mjs'], join(packed.root, 'two'), { DATABASE: database.url });
  expect(JSON.parse(said)).toEqual({
    different: true,
    same: true,
    result: { name: 'parcel of ann', payment: 7, attempt: 1, step: 'pack' },
    attempts: 1,
    error: ['WORKFLOW_FAILED', true, true],
    warnings: [],
  });
  await database.drop();
});

it('are tested by the kit of one where the module is of the other, crashes included', async () => {
  await packed.write(
    'two/kit.mjs',
    `import 'reflect-metadata';
     import { createRequire } from 'node:module';
     import { Module } from '@nestjs/common';
     import { createDurableTest, runStep } from 'nest-durable/testing';
     const { Shipping, durable: cjs } = createRequire(import.meta.url)('./workflows.cjs');
     class App {}
     Module({ imports: [cjs.DurableModule.forRoot({ queues: { other: { concurrency: 1 } } })], providers: [Shipping] })(App);
     const alone = await runStep(() => new Shipping().pack({ name: 'bob' }), { waits: { paid: 1 } });
     const test = await createDurableTest({ imports: [App] });
     const run = await test.client.start(Shipping, { name: 'ann' });
     await test.idle();
     test.crash();
     await test.restart();
     await run.sendEvent('paid', 7);
     await test.idle();
     const result = await run.result();
     const { crashes } = await test.explore(Shipping, { name: 'eve' }, {
       drive: (driven) => driven.sendEvent('paid', 8),
       check: ({ status }) => { if (status !== 'completed') throw new Error(status); },
     });
     console.log(JSON.stringify({ alone: alone.data, result, explored: crashes > 0 }));
     await test.close();`,
  );
  const said = command(process.execPath, ['kit.mjs'], join(packed.root, 'two'));
  expect(JSON.parse(said)).toEqual({
    alone: { name: 'parcel of bob', payment: 1, attempt: 1, step: 'step' },
    result: { name: 'parcel of ann', payment: 7, attempt: 1, step: 'pack' },
    explored: true,
  });
});
