import {
  callWorkflow,
  type DurableClient,
  Parallel,
  Schedule,
  sleep,
  Step,
  stepManager,
  waitForEvent,
  Workflow,
} from 'nest-durable';
import type { EntityManager } from 'typeorm';

@Workflow({ name: 'smoke_child' })
export class SmokeChild {
  @Step()
  double({ n }: { n: number }) {
    return { n: n * 2 };
  }
}

/** Steps, a fan-out, a transactional step, an event, a sleep and a child. */
@Workflow({ name: 'smoke' })
export class SmokeWorkflow {
  @Parallel(['left', 'right'])
  both() {}

  @Step()
  left() {
    return { side: 'left' };
  }

  @Step()
  right() {
    return { side: 'right' };
  }

  @Step({ transactional: true })
  async write(data: object) {
    const [row] = await stepManager<EntityManager>().query<{ n: number }[]>('SELECT 1 AS n');
    return { ...data, rows: Number(row?.n) };
  }

  @Step()
  async wait(data: object) {
    const paid = await waitForEvent('paid');
    await sleep(20);
    const child = await callWorkflow('smoke_child', { n: 2 });
    return { ...data, paid, child };
  }
}

@Workflow({ name: 'smoke_tick' })
@Schedule({ cron: '* * * * * *', name: 'smoke_tick' })
export class SmokeSchedule {
  @Step()
  tick() {}
}

export const smokeWorkflows = [SmokeChild, SmokeWorkflow, SmokeSchedule];

/** Runs it all once; fails where something is not as it should be. */
export async function smoke(client: DurableClient): Promise<void> {
  const run = await client.start('smoke', { at: new Date(5), big: 5n });
  const keyed = await client.start('smoke_child', { n: 4 }, { idempotencyKey: 'k' });
  await run.sendEvent('paid', { amount: 42 });
  const result = (await run.result({ timeout: 30_000 })) as object;
  expect(result).toMatchObject({ at: new Date(5), big: 5n, rows: 1, paid: { amount: 42 }, child: { n: 4 } });
  expect(await keyed.result({ timeout: 30_000 })).toEqual({ n: 8 });
  const execution = await client.getExecution(run.id, { includeSteps: true });
  expect(execution?.createdAt).toBeInstanceOf(Date);
  expect(Math.abs((execution?.createdAt.getTime() ?? 0) - Date.now())).toBeLessThan(60_000);
  expect(execution?.steps?.every((step) => typeof step.attempt === 'number' && step.startedAt instanceof Date)).toBe(
    true,
  );
  expect((await client.getSchedule('smoke_tick'))?.nextRunAt).toBeInstanceOf(Date);
  while ((await client.countExecutions({ workflow: 'smoke_tick', status: 'completed' })) === 0) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
