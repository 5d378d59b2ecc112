import type { INestApplicationContext } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { callWorkflow, DurableClient, DurableModule, DurableWorkflow, minutes, Parallel, type ParallelResults, sleep, Step, unwrap, waitForApproval, waitForEvent, Workflow, type WorkflowHandle } from 'nest-durable'; // prettier-ignore
import pg from 'pg';
import { createTestDatabase } from '../support/database.js';
import { until } from '../support/until.js';

/** Rows are broken by hand, each as a wake-up that was missed would leave them. */

@Workflow({ name: 'late' })
class LateWorkflow extends DurableWorkflow<object, object> {
  @Step()
  async wait() {
    await sleep(3_600_000);
    return { came: 'the time' };
  }
}

@Workflow({ name: 'asking' })
class AskingWorkflow extends DurableWorkflow<object, object> {
  @Step()
  async ask() {
    return { came: await waitForApproval('go') };
  }
}

@Workflow({ name: 'hoping' })
class HopingWorkflow extends DurableWorkflow<object, object> {
  @Step()
  async hope() {
    return { came: await waitForEvent('it') };
  }
}

@Workflow({ name: 'calling' })
class CallingWorkflow extends DurableWorkflow<object, object> {
  @Step()
  async call() {
    return { came: await callWorkflow(HopingWorkflow, {}) };
  }
}

const opened = new Set<() => void>();

/** Held by one arm while the other waits. */
@Workflow({ name: 'busy' })
class BusyWorkflow extends DurableWorkflow<object, Record<string, unknown>> {
  @Parallel(['work', 'hope'])
  async both(_data: object, results: ParallelResults<{ work: object; hope: object }>) {
    return { ...unwrap(results) };
  }

  @Step()
  async work() {
    await new Promise<void>((resolve) => opened.add(resolve));
    return { worked: true };
  }

  @Step()
  async hope() {
    return { came: await waitForEvent('it') };
  }
}

@Workflow({ name: 'single', concurrency: { limit: 1, hold: 'run' } })
class SingleWorkflow extends DurableWorkflow<object, object> {
  @Step()
  async pass() {
    return { passed: true };
  }
}

@Workflow({ name: 'rated', queue: 'rated' })
class RatedWorkflow extends DurableWorkflow<object, object> {
  @Step()
  async pass() {
    return { passed: true };
  }
}

const queues = { default: { concurrency: 10 }, rated: { concurrency: 1, rateLimit: { limit: 1, period: minutes(1) } } };
const warnings: string[] = [];
const logger = { log() {}, error() {}, debug() {}, verbose() {}, warn: (text: unknown) => void warnings.push(String(text)) }; // prettier-ignore
const apps: INestApplicationContext[] = [];
let client: DurableClient;
let pool: pg.Pool;

describe.each([1, 2])('with %i process(es), a run goes on', (processes) => {
  beforeAll(async () => {
    const { url } = await createTestDatabase({ breaksRows: true });
    pool = new pg.Pool({ connectionString: url, max: 2 });
    for (let n = 0; n < processes; n++) {
      const module = await Test.createTestingModule({
        imports: [DurableModule.forRoot({ database: { url }, queues })],
        providers: [
          LateWorkflow,
          AskingWorkflow,
          HopingWorkflow,
          CallingWorkflow,
          BusyWorkflow,
          SingleWorkflow,
          RatedWorkflow,
        ],
      })
        .setLogger(logger)
        .compile();
      apps.push(await module.init());
    }
    client = (apps[0] as INestApplicationContext).get(DurableClient);
  });

  afterAll(async () => {
    await Promise.all(apps.splice(0).map((app) => app.close()));
    await pool.end();
  });

  beforeEach(() => void warnings.splice(0));

  async function asleep(workflow: Parameters<DurableClient['start']>[0]): Promise<WorkflowHandle<unknown>> {
    const run = await client.start(workflow, {});
    await until(async () => (await run.execution())?.status === 'waiting');
    return run;
  }

  /** It was told, by name and reason, of that one and no other. */
  async function told(what: string, run: { readonly id: string }): Promise<void> {
    const found = warnings.filter((text) => text.startsWith('Reconciled'));
    expect(found).toEqual([expect.stringContaining(`(${what})`)]);
    expect(found[0]).toContain(run.id);
    await Promise.resolve();
  }

  /** Rows are broken, and one of the processes looks now instead of at its next turn. */
  async function broken(text: string, values: unknown[] = []): Promise<pg.QueryResult> {
    const result = await pool.query(text, values);
    const app = apps[looks++ % apps.length] as INestApplicationContext;
    await app.get(DurableClient).sweep();
    return result;
  }
  let looks = 0;

  it('whose event lies in the mailbox, at its next turn', async () => {
    const run = await asleep(HopingWorkflow);
    await pool.query(`INSERT INTO durable.events (run_id, sent_at, name, payload) VALUES ($1, now(), 'it', '7')`, [run.id]); // prettier-ignore
    expect(await run.result()).toEqual({ came: 7 });
    await told('event', run);
  });

  it('whose child has ended', async () => {
    const run = await asleep(CallingWorkflow);
    const [child] = await client.listChildren(run.id);
    await until(async () => (await client.getExecution(child?.id ?? ''))?.status === 'waiting');
    await broken(
      `WITH gone AS (DELETE FROM durable.workflow_queue WHERE id = $1), over AS (DELETE FROM durable.waits WHERE run_id = $1)
       UPDATE durable.workflow_executions SET status = 'completed', completed_at = now(), end_token = 1, snapshot = NULL
       WHERE id = $1`,
      [child?.id],
    );
    expect(await run.result()).toEqual({ came: {} });
    await told('child', run);
  });

  it('whose child is gone', async () => {
    const run = await asleep(CallingWorkflow);
    const [child] = await client.listChildren(run.id);
    await until(async () => (await client.getExecution(child?.id ?? ''))?.status === 'waiting');
    await broken(
      `WITH gone AS (DELETE FROM durable.workflow_queue WHERE id = $1), over AS (DELETE FROM durable.waits WHERE run_id = $1)
       DELETE FROM durable.workflow_executions WHERE id = $1`,
      [child?.id],
    );
    await expect(run.result()).rejects.toMatchObject({ cause: { code: 'CHILD_WORKFLOW', status: 'deleted' } });
    await told('child', run);
  });

  it('that sleeps past the time that it waits for', async () => {
    const run = await asleep(LateWorkflow);
    await broken(
      `WITH late AS (UPDATE durable.waits SET due_at = now() - interval '1 second' WHERE run_id = $1)
       UPDATE durable.workflow_queue SET due_at = 'infinity' WHERE id = $1`,
      [run.id],
    );
    expect(await run.result()).toEqual({ came: 'the time' });
    await told('due', run);
  });

  it('that sleeps though its input is answered', async () => {
    const run = await asleep(AskingWorkflow);
    // Nobody claims it meanwhile: the pause is over when the row sleeps again.
    await run.pause();
    await run.provideInput('go', true);
    await broken(
      `UPDATE durable.workflow_queue SET state = 'sleeping', due_at = 'infinity', paused = false WHERE id = $1`,
      [run.id],
    );
    expect(await run.result()).toEqual({ came: 'approved' });
    await told('ended', run);
  });

  it('that waits for nothing', async () => {
    const run = await asleep(HopingWorkflow);
    await broken('DELETE FROM durable.waits WHERE run_id = $1', [run.id]);
    await until(() => warnings.some((text) => text.includes('(nothing)')));
    await told('nothing', run);
    await until(async () => {
      const { rows } = await pool.query(`SELECT FROM durable.waits WHERE run_id = $1 AND state = 'open'`, [run.id]);
      return rows.length === 1;
    });
    await run.sendEvent('it', 8);
    expect(await run.result()).toEqual({ came: 8 });
  });

  it('that waits for nothing time and again, of which each process tells once', async () => {
    const run = await asleep(HopingWorkflow);
    for (let time = 0; time < 3; time++) {
      const { rowCount } = await broken('DELETE FROM durable.waits WHERE run_id = $1', [run.id]);
      expect(rowCount).toBe(1);
      await until(async () => {
        const { rows } = await broken(
          `SELECT FROM durable.waits w JOIN durable.workflow_queue q ON q.id = w.run_id
           WHERE w.run_id = $1 AND w.state = 'open' AND q.state = 'sleeping'`,
          [run.id],
        );
        return rows.length === 1;
      });
    }
    const found = warnings.filter((text) => text.includes('(nothing)'));
    expect(found.length).toBeGreaterThan(0);
    expect(found.length).toBeLessThanOrEqual(processes);
    await run.cancel();
  });

  it('that is at work and was not told that a wait of an arm has ended', async () => {
    const run = await client.start(BusyWorkflow, {});
    const wait = async (): Promise<string | undefined> => {
      const { rows } = await pool.query<{ id: string }>('SELECT id FROM durable.waits WHERE run_id = $1', [run.id]);
      return rows[0]?.id;
    };
    await until(async () => opened.size > 0 && (await wait()) !== undefined);
    await broken(
      `WITH sent AS (INSERT INTO durable.events (run_id, sent_at, name, payload, wait_id) VALUES ($1, now(), 'it', '7', $2))
       UPDATE durable.waits SET state = 'done', closed_at = now(), ended = nextval('durable.wait_ends') WHERE run_id = $1`,
      [run.id, await wait()],
    );
    await until(async () => {
      const steps = await client.getSteps(run.id);
      return steps.some(({ step, status }) => step === 'hope' && status === 'completed');
    });
    await told('mark', run);
    for (const finish of opened) finish();
    opened.clear();
    expect(await run.result()).toMatchObject({ hope: { came: 7 } });
  });

  it('that is set aside although its key has room, or for a key that is none', async () => {
    const plain = await client.start(SingleWorkflow, {}, { delay: minutes(5) });
    const strange = await client.start(SingleWorkflow, {}, { delay: minutes(5) });
    for (const [run, key] of [
      [plain, 'single\n'],
      [strange, 'nothing of the kind'],
    ] as const) {
      await broken(
        `UPDATE durable.workflow_queue SET state = 'blocked', due_at = now(), limit_key = $2 WHERE id = $1`,
        [run.id, key],
      );
    }
    expect(await Promise.all([plain.result(), strange.result()])).toEqual([{ passed: true }, { passed: true }]);
    await told('blocked', strange);
  });

  it('whose place is held for one that has ended', async () => {
    const ended = await client.start(SingleWorkflow, {});
    await ended.result();
    await broken(
      `INSERT INTO durable.workflow_queue (id, due_at, definition_id, priority, state, queue, limit_key, started_at)
       SELECT id, 'infinity', definition_id, 0, 'sleeping', queue, E'single\n', now()
       FROM durable.workflow_executions WHERE id = $1`,
      [ended.id],
    );
    expect(await (await client.start(SingleWorkflow, {})).result()).toEqual({ passed: true });
    await told('over', ended);
  });

  it('whose queue counts claims that are still to come', async () => {
    await broken(`INSERT INTO durable.queue_rates VALUES ('rated', now() + interval '30 minutes', 1)`);
    expect(await (await client.start(RatedWorkflow, {})).result()).toEqual({ passed: true });
    await told('rate', { id: 'rated' });
  });

  it('that is as it should be, and nothing is told', async () => {
    const runs = await Promise.all([LateWorkflow, AskingWorkflow, HopingWorkflow, CallingWorkflow].map(asleep));
    await Promise.all(apps.map((app) => app.get(DurableClient).sweep()));
    await runs[2]?.sendEvent('it', 1);
    await runs[1]?.provideInput('go', true);
    for (const run of runs.slice(1, 3)) await run.result();
    await Promise.all(apps.map((app) => app.get(DurableClient).sweep()));
    for (const run of runs) await run.cancel();
    expect(warnings.filter((text) => text.startsWith('Reconciled'))).toEqual([]);
  });
});
