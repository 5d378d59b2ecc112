import { setTimeout as delay } from 'node:timers/promises';
import { ForEach, Parallel, Step, stepSignal, Workflow, workflowId } from 'nest-durable';
import type { DurableTest } from 'nest-durable/testing';
import { kit } from '../support/kit-app.js';

/** Each item is a parallel that fails while another of its arms is at work, one item after the other. */

const ITEMS = 150;
let begun = 0;
/** Items that had begun when the attempt of the first, which hears no signal, was given up. */
let givenUpAt: number | null = null;
let test: DurableTest;

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve());
  });
}

async function untilGivenUp(): Promise<void> {
  for (;;) {
    try {
      workflowId();
    } catch {
      givenUpAt = begun;
      return;
    }
    await delay(5);
  }
}

class Pairs {
  @ForEach('pair', { concurrency: 2, onError: 'completeAll', results: 'none' })
  items() {
    return Array.from({ length: ITEMS }, (_, item) => item);
  }

  @Parallel(['other', 'broken'] as never)
  pair() {}

  @Step()
  async broken() {
    begun += 1;
    if (givenUpAt === null) await delay(30);
    throw new Error('broken');
  }
}

async function other(item: number): Promise<void> {
  await (item === 0 ? untilGivenUp() : untilAborted(stepSignal()));
}

@Workflow({ name: 'at_home' })
class AtHomeWorkflow extends Pairs {
  @Step()
  other(item: number) {
    return other(item);
  }
}

@Workflow({ name: 'elsewhere' })
class ElsewhereWorkflow extends Pairs {
  @Step({ queue: 'elsewhere' })
  other(item: number) {
    return other(item);
  }
}

beforeEach(() => {
  begun = 0;
  givenUpAt = null;
});

beforeAll(async () => {
  test = await kit([AtHomeWorkflow, ElsewhereWorkflow], { durable: { abortGrace: 200 } });
});

afterAll(() => test.close());

it.each([
  ['an attempt', AtHomeWorkflow],
  ['one on another queue', ElsewhereWorkflow],
])('gives %s up after its own grace, however many are aborted after it', async (_what, workflow) => {
  const run = await test.client.start(workflow, {});
  await run.result();
  expect(givenUpAt).toBeLessThan(ITEMS);
});
