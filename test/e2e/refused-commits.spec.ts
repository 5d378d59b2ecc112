import { Inject } from '@nestjs/common';
import {
  callWorkflow,
  Compensate,
  ForEach,
  once,
  Parallel,
  Step,
  waitForEvent,
  Workflow,
  workflowId,
  type WorkflowHandle,
} from 'nest-durable';
import { type FaultApp, openApp } from '../support/faults/app.js';
import { Effects, effectsOf, openGate, until } from '../support/faults/effects.js';
import { type Ground, openGround } from '../support/faults/ground.js';
import { expectInvariants } from '../support/invariants.js';

/**
 * The database will not have what one step has left. What is good of that commit is committed, the run is paused with an error
 * that names the step, and goes on where it was once the reason is gone.
 */

@Workflow({ name: 'arms' })
class ArmsWorkflow {
  constructor(@Inject(Effects) private readonly effects: Effects) {}

  @Parallel({ one: 'one', bad: 'bad', two: 'two', slow: 'slow' })
  all() {}

  @Step()
  async one() {
    await this.together();
  }

  @Step()
  async bad() {
    await this.together();
  }

  @Step()
  async two() {
    await this.together();
  }

  /** Runs on when the others are refused. */
  @Step()
  async slow({ gate }: { gate: string }) {
    await this.effects.leave();
    await this.effects.gate(gate);
  }

  /** All three settle in one macrotask, when they run for the first time. */
  private async together(): Promise<void> {
    await this.effects.leave();
    const meeting = meetings.get(workflowId()) ?? [];
    meetings.set(workflowId(), meeting);
    if (meeting.length === 3) return;
    await new Promise<void>((resolve) => {
      meeting.push(resolve);
      if (meeting.length === 3) for (const go of meeting) go();
    });
  }
}
const meetings = new Map<string, (() => void)[]>();

@Workflow({ name: 'items' })
class ItemsWorkflow {
  constructor(@Inject(Effects) private readonly effects: Effects) {}

  @ForEach('item', { concurrency: 20 })
  all() {
    return Array.from({ length: 20 }, (_, n) => n);
  }

  @Step()
  async item(n: unknown) {
    await this.effects.leave(`item ${String(n)}`);
    return n as object;
  }
}

@Workflow({ name: 'child' })
class ChildWorkflow {
  @Step()
  done() {
    return { child: true };
  }
}

@Workflow({ name: 'asking' })
class AskingWorkflow {
  constructor(@Inject(Effects) private readonly effects: Effects) {}

  @Parallel({ good: 'good', bad: 'bad' })
  both() {}

  @Step()
  async good() {
    await this.effects.leave();
  }

  @Step()
  async bad({ how }: { how: 'event' | 'child' | 'once' }) {
    if (how === 'once') await once('bad', () => 1);
    else if (how === 'event') await waitForEvent('bad');
    else await callWorkflow(ChildWorkflow, {});
  }
}

@Workflow({ name: 'elsewhere' })
class ElsewhereWorkflow {
  constructor(@Inject(Effects) private readonly effects: Effects) {}

  @Step({ queue: 'other', retry: { maxAttempts: 3, initialDelay: 1 } })
  async bad({ how }: { how: 'end' | 'event' | 'child' | 'once' }) {
    await this.effects.leave();
    // What the code catches is its own affair.
    if (how === 'once') await once('bad', () => 1).catch(() => {});
    if (how === 'event') await waitForEvent('bad');
    if (how === 'child') await callWorkflow(ChildWorkflow, {});
  }
}

@Workflow({ name: 'undoing' })
class UndoingWorkflow {
  constructor(@Inject(Effects) private readonly effects: Effects) {}

  @Step({ compensate: 'undo' })
  pay() {}

  @Step()
  fail() {
    throw new Error('no');
  }

  @Compensate()
  async undo() {
    await this.effects.leave('undo');
  }
}

let ground: Ground;
let app: FaultApp;

beforeAll(async () => {
  ground = await openGround();
  const options = { database: { url: ground.url }, queues: { default: { concurrency: 30 }, other: {} } };
  app = await openApp(
    options,
    [ArmsWorkflow, ItemsWorkflow, ChildWorkflow, AskingWorkflow, ElsewhereWorkflow, UndoingWorkflow],
    new Effects(ground.pool, 'here'),
  );
});

afterAll(async () => {
  await app.close();
  await ground.pool.end();
});

/** Made before the run is started: a trigger waits for the table, and steps do not wait for it. */
async function refusing<T>(
  table: string,
  condition: string,
  code: string,
  work: () => Promise<T>,
  event: 'INSERT' | 'UPDATE' = 'INSERT',
): Promise<T> {
  await ground.pool.query(`
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'not this one' USING ERRCODE = '${code}'; END $$;
    CREATE TRIGGER refuse BEFORE ${event} ON durable.${table} FOR EACH ROW WHEN (${condition}) EXECUTE FUNCTION refuse()`);
  const result = await work();
  await allow();
  return result;
}

async function allow(): Promise<void> {
  await ground.pool.query('DROP FUNCTION IF EXISTS refuse CASCADE');
}

afterEach(allow);

const BAD = `NEW.path ~ '(^|/)bad$' AND NEW.type = 'step'`;

async function pausing(workflow: string, input: object = {}): Promise<WorkflowHandle> {
  return paused(await app.client.start(workflow, input));
}

async function paused(run: WorkflowHandle): Promise<WorkflowHandle> {
  await until(
    ground.pool,
    `SELECT FROM durable.workflow_queue q JOIN durable.workflow_executions e USING (id)
     WHERE q.id = $1 AND q.paused AND q.state <> 'running' AND e.error IS NOT NULL`,
    [run.id],
  );
  return run;
}

async function recorded(run: WorkflowHandle): Promise<string[]> {
  return (await app.client.getSteps(run.id)).map(({ step }) => step).sort();
}

describe('of arms that share a commit', () => {
  it.each([
    ['for good', 'P0001'],
    ['for a passing reason, again and again', '40001'],
  ])(
    'one is refused (%s): the others are recorded, also what runs on, and none of them runs again',
    async (_, code) => {
      const gate = `arms ${code}`;
      const run = await refusing('step_executions', BAD, code, async () => {
        const started = await app.client.start('arms', { gate });
        await until(
          ground.pool,
          `SELECT FROM durable.step_executions WHERE run_id = $1 HAVING count(*) FILTER (WHERE path ~ 'one|two') = 2`,
          [started.id],
        );
        await openGate(ground.pool, gate);
        return paused(started);
      });
      expect(await recorded(run)).toEqual(['one', 'slow', 'two']);
      expect(await run.execution()).toMatchObject({
        status: 'paused',
        error: { message: expect.stringContaining('The record of step "bad" (all.bad/bad) could not be committed: ') },
      });
      await run.resume();
      await run.result();
      expect(await effectsOf(ground.pool, [run])).toEqual({ one: 1, two: 1, slow: 1, bad: 2 });
      await expectInvariants(ground.pool, { runs: [run] });
    },
  );

  it('one of many items is refused: nineteen are recorded', async () => {
    const run = await refusing('step_executions', `NEW.path = 'all[7]/item'`, 'P0001', () => pausing('items'));
    expect(await recorded(run)).toHaveLength(20);
    expect(await run.execution()).toMatchObject({ error: { message: expect.stringContaining('(all[7]/item)') } });
    await run.resume();
    await run.result();
    expect(await effectsOf(ground.pool, [run])).toMatchObject({ 'item 6': 1, 'item 7': 2, 'item 8': 1 });
    await expectInvariants(ground.pool, { runs: [run] });
  });

  it.each([
    ['what one waits for', 'event', 'waits', `'bad' = ANY (NEW.names)`],
    ['the child that one calls', 'child', 'workflow_executions', `NEW.workflow = 'child'`],
    ['what one records within', 'once', 'step_executions', `NEW.path LIKE '%bad~~bad'`],
  ])('%s is refused: the other is recorded', async (_, how, table, condition) => {
    const run = await refusing(table, condition, 'P0001', () => pausing('asking', { how }));
    expect(await recorded(run)).toEqual(['good']);
    expect(await run.execution()).toMatchObject({
      error: { message: expect.stringContaining('The record of step "bad"') },
    });
    await run.resume();
    if (how === 'event') await run.sendEvent('bad');
    await run.result();
    expect(await effectsOf(ground.pool, [run])).toEqual({ good: 1 });
    await expectInvariants(ground.pool, { runs: [run] });
  });
});

describe('of a step on another queue', () => {
  it.each([
    ['its record', 'end', 'step_executions', BAD, 'P0001'],
    ['what it waits for', 'event', 'waits', `'bad' = ANY (NEW.names)`, 'P0001'],
    ['the child that it calls', 'child', 'workflow_executions', `NEW.workflow = 'child'`, 'P0001'],
    ['what it records within', 'once', 'step_executions', `NEW.path LIKE '%bad~~bad'`, 'P0001'],
  ])(
    '%s is refused: the run is paused with the error, and its body has run once',
    async (_, how, table, condition, code) => {
      const run = await refusing(table, condition, code, () => pausing('elsewhere', { how }));
      expect(await effectsOf(ground.pool, [run])).toEqual({ bad: 1 });
      expect(await run.execution()).toMatchObject({
        status: 'paused',
        error: {
          message: expect.stringContaining('The record of step "bad" (bad) could not be committed: not this one'),
        },
      });
      await run.resume();
      if (how === 'event') await run.sendEvent('bad');
      await run.result();
      await expectInvariants(ground.pool, { runs: [run] });
    },
  );

  it('its state cannot be read: the run is paused with the error', async () => {
    await ground.pool.query(`UPDATE durable.queue_settings SET paused_at = now() WHERE queue = 'other'`);
    const run = await app.client.start('elsewhere', { how: 'end' });
    await until(ground.pool, 'SELECT FROM durable.workflow_queue WHERE step_of = $1', [run.id]);
    await ground.pool.query(`UPDATE durable.workflow_queue SET step = '{' WHERE step_of = $1`, [run.id]);
    await ground.pool.query(`UPDATE durable.queue_settings SET paused_at = NULL WHERE queue = 'other'`);
    await paused(run);
    expect(await run.execution()).toMatchObject({ status: 'paused', error: { message: expect.any(String) } });
    await run.cancel();
  });
});

it('an undoing is refused: the run is paused, and goes on undoing', async () => {
  const run = await refusing('step_executions', `NEW.type = 'compensate'`, 'P0001', () => pausing('undoing'));
  await run.resume();
  await expect(run.result()).rejects.toMatchObject({ status: 'compensated' });
  expect(await effectsOf(ground.pool, [run])).toEqual({ undo: 2 });
  await expectInvariants(ground.pool, { runs: [run] });
});

it('the run’s end is refused: its steps are recorded, and it ends when it is resumed', async () => {
  const run = await refusing(
    'workflow_executions',
    `NEW.status = 'completed'`,
    'P0001',
    () => pausing('items'),
    'UPDATE',
  );
  expect(await recorded(run)).toHaveLength(21);
  await run.resume();
  await run.result();
  expect(Object.values(await effectsOf(ground.pool, [run])).every((n) => n === 1)).toBe(true);
});

it('a run that is refused for a passing reason harms no other', async () => {
  const poison = await refusing('step_executions', `NEW.path LIKE '%bad~~bad'`, '57014', async () => {
    const run = await app.client.start('asking', { how: 'once' });
    for (let n = 0; n < 10; n++) await (await app.client.start('child', {})).result();
    return paused(run);
  });
  expect(await recorded(poison)).toEqual(['good']);
  await poison.resume();
  await poison.result();
});
