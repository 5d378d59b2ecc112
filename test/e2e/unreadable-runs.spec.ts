import { DurableQueues, Parallel, Step, waitForEvent, Workflow, type WorkflowHandle } from 'nest-durable';
import { type FaultApp, openApp } from '../support/faults/app.js';
import { Effects, openGate, until } from '../support/faults/effects.js';
import { type Ground, openGround } from '../support/faults/ground.js';
import { Inject } from '@nestjs/common';

/** A run whose stored state the engine cannot read is paused with the error, and harms no other run. */

@Workflow({ name: 'patient' })
class PatientWorkflow {
  @Step()
  async wait() {
    return { said: await waitForEvent('said') };
  }
}

@Workflow({ name: 'hasty', maxRecoveries: 1 })
class HastyWorkflow {
  @Step()
  async wait() {
    return { said: await waitForEvent('said', { timeout: 3_600_000, timeoutValue: 'late' }) };
  }
}

@Workflow({ name: 'busy' })
class BusyWorkflow {
  constructor(@Inject(Effects) private readonly effects: Effects) {}

  @Parallel(['wait', 'work'], { onError: 'completeAll' })
  both() {}

  @Step()
  async wait() {
    await waitForEvent('said', { timeout: 3_600_000, timeoutValue: 'late' });
  }

  @Step()
  async work({ gate }: { gate: string }) {
    await this.effects.leave();
    await this.effects.gate(gate);
  }
}

let ground: Ground;
let app: FaultApp;

beforeAll(async () => {
  // What cannot be read is left as it is.
  ground = await openGround(undefined, { leaves: true });
  const options = { database: { url: ground.url }, wakeInterval: 50 };
  app = await openApp(options, [PatientWorkflow, HastyWorkflow, BusyWorkflow], new Effects(ground.pool, 'here'));
});

afterAll(async () => {
  await app.close();
  await ground.pool.end();
});

function reached(run: WorkflowHandle, status: string): Promise<void> {
  const states: Record<string, string> = { waiting: "state = 'sleeping'", paused: "paused AND state <> 'running'" };
  return until(ground.pool, `SELECT FROM durable.workflow_queue WHERE id = $1 AND ${states[status]}`, [run.id]);
}

const FAULTS: Record<string, string> = {
  'its snapshot is no JSON': `UPDATE durable.workflow_executions SET snapshot = '{' WHERE id = $1`,
  'its snapshot is no state': `UPDATE durable.workflow_executions SET snapshot = '[]' WHERE id = $1`,
  'its snapshot refers to what is no number': `UPDATE durable.workflow_executions
    SET snapshot = regexp_replace(snapshot, '"data":\\d+', '"data":"x"', 'g') WHERE id = $1`,
  'its wait says what is no JSON': `UPDATE durable.waits SET spec = '{' WHERE run_id = $1`,
  'its event has what is no JSON': `UPDATE durable.events SET payload = '{' WHERE run_id = $1`,
  'a record after it says what is no JSON': `INSERT INTO durable.step_executions
    (run_id, seq, input_seq, completed_at, token, round, visit, attempt, duration_ms, type, status, path, facts)
    VALUES ($1, 900, 0, now(), 1, 1, 1, 1, 0, 'step', 'completed', 'wait', '{')`,
};

it.each(Object.entries(FAULTS))('among the rows of one claim: %s', async (_, fault) => {
  const runs = await app.client.startMany('patient', [{ input: {} }, { input: {} }, { input: {} }]);
  await Promise.all(runs.map((run) => reached(run, 'waiting')));
  const [first, bad, last] = runs as [WorkflowHandle, WorkflowHandle, WorkflowHandle];
  const queues = app.app.get(DurableQueues);
  await queues.pause('default');
  await Promise.all(runs.map((run) => run.sendEvent('said', 'hello')));
  await ground.pool.query(fault, [bad.id]);
  await queues.resume('default');
  expect(await first.result()).toEqual({ said: 'hello' });
  expect(await last.result()).toEqual({ said: 'hello' });
  await reached(bad, 'paused');
  expect(await bad.execution()).toMatchObject({ status: 'paused', error: { message: expect.any(String) } });
  expect((await app.client.explain(bad.id))?.detail).toContain('Mend what it says, then resume the run.');
  await ground.pool.query(`UPDATE durable.events SET payload = '"hello"' WHERE run_id = $1`, [bad.id]);
  await bad.cancel();
});

it('while it runs: what one of its waits has stored cannot be read', async () => {
  const run = await app.client.start('busy', { gate: 'busy' });
  await until(ground.pool, 'SELECT FROM durable.waits WHERE run_id = $1', [run.id]);
  await until(ground.pool, 'SELECT FROM effects WHERE run = $1', [run.id]);
  await ground.pool.query(`UPDATE durable.waits SET spec = '{', due_at = now() WHERE run_id = $1`, [run.id]);
  await ground.pool.query('UPDATE durable.workflow_queue SET wake = true WHERE id = $1', [run.id]);
  await reached(run, 'paused');
  expect(await run.execution()).toMatchObject({ status: 'paused', error: { name: 'SerializationError' } });
  await openGate(ground.pool, 'busy');
  await run.cancel();
});

it('one that the server refuses to read for a passing reason, again and again, as the only one of its claim', async () => {
  const run = await app.client.start('hasty', {});
  await reached(run, 'waiting');
  await ground.pool.query(`
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'it takes too long' USING ERRCODE = '57014'; END $$;
    CREATE TRIGGER refuse BEFORE UPDATE ON durable.waits FOR EACH ROW
      WHEN (NEW.state = 'timed_out') EXECUTE FUNCTION refuse()`);
  await ground.pool.query('UPDATE durable.waits SET due_at = now() WHERE run_id = $1', [run.id]);
  await ground.pool.query('UPDATE durable.workflow_queue SET due_at = now() WHERE id = $1', [run.id]);
  await reached(run, 'paused');
  expect(await app.client.explain(run.id)).toMatchObject({
    title: 'Paused: `UnreadableRunError`',
    detail:
      'The server has refused 2 times in a row to read what the run has stored: it takes too long. ' +
      'Look for what is large or damaged among its waits and records and mend it, then resume the run.',
  });
  // Others go on meanwhile, and so does this one once it can be read.
  expect(await (await app.client.start('patient', {})).cancel()).toBe(true);
  await ground.pool.query('DROP FUNCTION refuse CASCADE');
  await run.resume();
  expect(await run.result()).toEqual({ said: 'late' });
});
