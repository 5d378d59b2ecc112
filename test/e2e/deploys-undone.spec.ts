import type { INestApplicationContext, Type } from '@nestjs/common';
import { Compensate, FatalError, Step, waitForEvent, Workflow, type DurableClient } from 'nest-durable';
import { createTestDatabase } from '../support/database.js';
import { openApp, reached } from '../support/plain-app.js';

/** Deploys that take a step away which runs are past, and may have to undo. */

let url: string;
const apps: INestApplicationContext[] = [];
const undone: string[] = [];

beforeEach(async () => {
  undone.length = 0;
  ({ url } = await createTestDatabase());
});

afterEach(shutDown);

async function shutDown(): Promise<void> {
  await Promise.all(apps.splice(0).map((app) => app.close()));
}

async function deploy(version: Type, keep = false): Promise<DurableClient> {
  if (!keep) await shutDown();
  const { app, client } = await openApp({ database: { url }, queues: { default: {} } }, [version]);
  apps.push(app);
  return client;
}

class Waits {
  @Step()
  async wait(): Promise<void> {
    await waitForEvent('go', { timeout: 600_000 });
    throw new FatalError('declined');
  }
}

/** Charges, logs, and waits. */
@Workflow({ name: 'order' })
class ChargesWorkflow {
  @Step({ compensate: 'refund' })
  charge(): void {}

  @Step()
  log(): void {}

  @Step()
  async wait(): Promise<void> {
    await waitForEvent('go');
    throw new FatalError('declined');
  }

  @Compensate()
  refund(): void {
    undone.push('charge');
  }
}

/** Neither the step nor anything else that is undone. */
@Workflow({ name: 'order' })
class NoChargeWorkflow extends Waits {}

/** The step that has nothing to undo is gone. */
@Workflow({ name: 'order' })
class NoLogWorkflow {
  @Step({ compensate: 'refund' })
  charge(): void {}

  @Step()
  async wait(): Promise<void> {
    await waitForEvent('go');
    throw new FatalError('declined');
  }

  @Compensate()
  refund(): void {
    undone.push('charge');
  }
}

async function waiting(client: DurableClient): Promise<string> {
  const { id } = await client.start('order', {});
  await reached(client, id, 'waiting');
  return id;
}

async function pausedBy(client: DurableClient, id: string): Promise<unknown> {
  return (await reached(client, id, 'paused')).error;
}

const AT_CHARGE = { code: 'DEFINITION_CHANGED', path: 'charge' };

it('a run that fails is paused where what it has done would be undone by code that is gone, and undone once it is back', async () => {
  const id = await waiting(await deploy(ChargesWorkflow));
  let client = await deploy(NoChargeWorkflow);
  await client.sendEvent(id, 'go');
  expect(await pausedBy(client, id)).toMatchObject(AT_CHARGE);
  expect(undone).toEqual([]);
  client = await deploy(ChargesWorkflow);
  await client.resume(id);
  expect((await reached(client, id, 'compensated')).error).toMatchObject({ message: 'declined' });
  expect(undone).toEqual(['charge']);
});

it('also where another process of the new code has taken it over before', async () => {
  const id = await waiting(await deploy(ChargesWorkflow));
  const between = await deploy(NoChargeWorkflow);
  await between.pause(id);
  await between.resume(id);
  const client = await deploy(NoChargeWorkflow);
  await client.cancel(id, 'no more', { compensate: true });
  expect(await pausedBy(client, id)).toMatchObject(AT_CHARGE);
});

it('also where the code that undoes came later, and was rolled back', async () => {
  const older = await deploy(NoChargeWorkflow);
  const id = await waiting(await deploy(ChargesWorkflow, true));
  await apps.pop()?.close();
  await older.sendEvent(id, 'go');
  expect(await pausedBy(older, id)).toMatchObject(AT_CHARGE);
});

it('is undone as before where the code lacks only a step that has nothing to undo', async () => {
  const id = await waiting(await deploy(ChargesWorkflow));
  const client = await deploy(NoLogWorkflow);
  await client.sendEvent(id, 'go');
  await reached(client, id, 'compensated');
  expect(undone).toEqual(['charge']);
});

it('fails where neither the code nor what is gone of it has anything to undo', async () => {
  @Workflow({ name: 'order' })
  class PlainWorkflow extends Waits {
    @Step()
    after(): void {}
  }
  const client = await deploy(PlainWorkflow);
  const id = await waiting(client);
  const next = await deploy(NoChargeWorkflow);
  await next.sendEvent(id, 'go');
  await reached(next, id, 'failed');
  expect(undone).toEqual([]);
});
