import type { INestApplicationContext } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { Decision, DurableClient, DurableModule, goto, sleep, Step, waitForEvent, Workflow } from 'nest-durable';
import { setTimeout as pause } from 'node:timers/promises';
import { createTestDatabase } from '../support/database.js';
import { until } from '../support/until.js';

/** Who comes first where a queue has more to do than places. */

const LOOPERS = 8;
let turns = 0;
/** How many turns there had been when a run of "counted" began. */
let begunAt: number | null = null;

/** Goes on again and again, and is late for each of its turns where others are. */
@Workflow({ name: 'looper' })
class LooperWorkflow {
  @Step()
  async turn() {
    await sleep(1);
    turns++;
    await pause(1);
  }

  @Decision({ goto: ['turn'], maxVisits: 1_000_000 })
  again() {
    return goto('turn');
  }
}

@Workflow({ name: 'counted' })
class CountedWorkflow {
  @Step()
  note() {
    begunAt = turns;
  }
}

/** Asleep for ever: it has no due time. */
@Workflow({ name: 'waiting', queue: 'other' })
class WaitingWorkflow {
  @Step()
  async wait() {
    await waitForEvent('never');
  }
}

let app: INestApplicationContext;
let client: DurableClient;

async function start(priorityAgeing: number): Promise<void> {
  const { url } = await createTestDatabase();
  const module = await Test.createTestingModule({
    imports: [
      DurableModule.forRoot({
        database: { url },
        shutdownTimeout: 1_000,
        queues: { default: { concurrency: 2, priorityAgeing }, other: {} },
      }),
    ],
    providers: [LooperWorkflow, CountedWorkflow, WaitingWorkflow],
  }).compile();
  app = await module.init();
  client = app.get(DurableClient);
  [turns, begunAt] = [0, null];
  await client.startMany(
    LooperWorkflow,
    Array.from({ length: LOOPERS }, () => ({ input: {} })),
  );
  await until(() => turns >= 5 * LOOPERS);
}

afterEach(() => app.close());

it('a new run of a high priority begins before the runs that go on have had two turns each', async () => {
  await start(60_000);
  const before = turns;
  const run = await client.start(CountedWorkflow, {}, { priority: 1_000 });
  await run.result();
  expect((begunAt ?? Infinity) - before).toBeLessThanOrEqual(2 * LOOPERS);
});

it('a new run of no priority begins, however many runs go on beside it', async () => {
  await start(100);
  await client.start(WaitingWorkflow, {});
  const run = await client.start(CountedWorkflow, {});
  await run.result();
  expect(begunAt).not.toBeNull();
});
