import { Logger } from '@nestjs/common';
import { Step, waitForEvent, waitForInput, Workflow } from 'nest-durable';
import { createTestDatabase } from '../support/database.js';
import { type PlainApp, openApp, reached } from '../support/plain-app.js';

/** The option `redact`: paths never shown or logged. */

const logger = new Logger('Cards');
const SECRET = '4111-1111';

@Workflow({ name: 'secret' })
class SecretWorkflow {
  @Step()
  first(data: { card: { number: string }; password: string }) {
    seen.push(data.card.number, data.password);
    logger.log('charging', { card: data.card });
    return { ...data, open: 'shown' };
  }

  @Step()
  async second(data: { password: string }) {
    await waitForEvent('go');
    await waitForInput('ask', { metadata: { password: data.password } });
    seen.push(data.password);
    throw Object.assign(new Error('failed'), { password: data.password, card: { number: SECRET } });
  }
}

const seen: string[] = [];
let opened: PlainApp;

beforeAll(async () => {
  const { url } = await createTestDatabase();
  opened = await openApp(
    {
      database: { url },
      redact: ['card.number', 'password'],
      logs: { metadata: ['card'], passthrough: false },
    },
    [SecretWorkflow],
  );
});

afterAll(() => opened.app.close());

it('what the paths lead to is shown nowhere, and steps get the truth', async () => {
  const { client } = opened;
  const input = { card: { number: SECRET, holder: 'Ann' }, password: SECRET };
  const run = await client.start(SecretWorkflow, input);
  await reached(client, run.id, 'waiting');
  await run.sendEvent('go', { password: SECRET });
  let inputs = await client.listPendingInputs({ executionId: run.id });
  while (inputs.length === 0) inputs = await client.listPendingInputs({ executionId: run.id });
  expect(inputs).toHaveLength(1);
  await run.provideInput('ask', { password: SECRET });
  const failure: unknown = await run.result().catch((error: unknown) => error);
  const execution = await client.getExecution(run.id, { includeSteps: true, includeLogs: true });
  const shown = JSON.stringify([
    inputs,
    failure,
    execution,
    await client.getSteps(run.id),
    await client.getLogs(run.id),
    await client.listExecutions({}),
    await client.listPendingInputs({ status: 'completed' }),
    await client.listWorkflows(),
  ]);
  expect(shown).not.toContain(SECRET);
  expect(shown).toContain('Ann');
  expect(execution).toMatchObject({ status: 'failed', data: { open: 'shown' } });
  expect(seen).toEqual([SECRET, SECRET, SECRET]);
});
