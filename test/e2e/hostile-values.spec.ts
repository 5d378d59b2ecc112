import { Logger } from '@nestjs/common';
import { Branch, Compensate, once, putContext, Step, Workflow, WorkflowFailedError, workflowId } from 'nest-durable';
import { DataSource } from 'typeorm';
import { createTestDatabase } from '../support/database.js';
import { type FaultApp, openApp } from '../support/faults/app.js';
import { HOSTILE } from '../support/hostile.js';

/** Whatever the code of a step throws or returns: the attempt has failed, is recorded, and is not made again. */

const calls = new Map<string, number>();

@Workflow({ name: 'hostile' })
class HostileWorkflow {
  @Step()
  async act({ how, what }: { how: string; what: string }): Promise<unknown> {
    calls.set(workflowId(), (calls.get(workflowId()) ?? 0) + 1);
    const value = HOSTILE[what]?.();
    switch (how) {
      case 'throws':
        throw value;
      case 'returns':
        return value;
      case 'returns within its data':
        return { value };
      case 'throws in once':
        return once('o', () => {
          throw value;
        });
      case 'writes into the context':
        putContext('value', value);
        return undefined;
      case 'throws in retryIf':
        throw new Error('tried again?');
      default:
        return undefined;
    }
  }
}

@Workflow({ name: 'retry_if' })
class RetryIfWorkflow {
  @Step({
    retry: {
      maxAttempts: 2,
      initialDelay: 1,
      retryIf: (error) => {
        throw (error as { cause: unknown }).cause;
      },
    },
  })
  act({ what }: { what: string }) {
    calls.set(workflowId(), (calls.get(workflowId()) ?? 0) + 1);
    throw new Error('x', { cause: HOSTILE[what]?.() });
  }
}

@Workflow({ name: 'selector' })
class SelectorWorkflow {
  @Branch({ default: 'end' })
  pick({ what }: { what: string }) {
    calls.set(workflowId(), (calls.get(workflowId()) ?? 0) + 1);
    return HOSTILE[what]?.();
  }

  @Step()
  end() {}
}

@Workflow({ name: 'elsewhere' })
class ElsewhereWorkflow {
  @Step({ queue: 'other' })
  act({ what }: { what: string }) {
    calls.set(workflowId(), (calls.get(workflowId()) ?? 0) + 1);
    throw HOSTILE[what]?.();
  }
}

@Workflow({ name: 'transactional' })
class TransactionalWorkflow {
  @Step({ transactional: true })
  act({ what }: { what: string }) {
    calls.set(workflowId(), (calls.get(workflowId()) ?? 0) + 1);
    throw HOSTILE[what]?.();
  }
}

@Workflow({ name: 'undoes' })
class UndoesWorkflow {
  @Step({ compensate: 'undo' })
  act() {}

  @Step()
  fail() {
    throw new Error('fails');
  }

  @Compensate()
  undo({ what }: { what: string }) {
    calls.set(workflowId(), (calls.get(workflowId()) ?? 0) + 1);
    throw HOSTILE[what]?.();
  }
}

@Workflow({ name: 'logs' })
class LogsWorkflow {
  @Step()
  act({ what }: { what: string }) {
    const value = HOSTILE[what]?.();
    new Logger('Shop').log('said', value, { order: 7 });
    new Logger('Shop').error(value);
    console.warn('said', value);
  }
}

let app: FaultApp;
let dataSource: DataSource;

beforeAll(async () => {
  const { url } = await createTestDatabase();
  dataSource = await new DataSource({ type: 'postgres', url, installExtensions: false }).initialize();
  const queues = { default: { concurrency: 50 }, other: {} };
  // What is not passed on does not reach a logger that may not bear to look at it.
  const options = { database: { dataSource }, queues, logs: { metadata: ['order', 'a'], passthrough: false } };
  const steps = [HostileWorkflow, RetryIfWorkflow, SelectorWorkflow, ElsewhereWorkflow, TransactionalWorkflow];
  app = await openApp(options, [...steps, UndoesWorkflow, LogsWorkflow]);
});

afterAll(async () => {
  await app.close();
  await dataSource.destroy();
});

const what = Object.keys(HOSTILE);

async function failures(workflow: string, how?: string): Promise<[string, string, number | undefined][]> {
  const runs = await app.client.startMany(
    workflow,
    what.map((name) => ({ input: { how, what: name } })),
  );
  return Promise.all(
    runs.map(async (run, at): Promise<[string, string, number | undefined]> => {
      const error: unknown = await run.result().catch((thrown: unknown) => thrown);
      return [what[at] ?? '', error instanceof WorkflowFailedError ? error.status : 'completed', calls.get(run.id)];
    }),
  );
}

it.each(['throws', 'throws in once'])('a step that %s it fails, and runs once', async (how) => {
  expect(await failures('hostile', how)).toEqual(what.map((name) => [name, 'failed', 1]));
});

it.each(['returns', 'returns within its data', 'writes into the context'])(
  'a step that %s it ends, one way or the other, and runs once',
  async (how) => {
    for (const [name, status, times] of await failures('hostile', how)) {
      expect([name, status, times]).toEqual([name, expect.stringMatching(/^(failed|completed)$/), 1]);
    }
  },
);

it('a retryIf that throws it fails the run, and the step runs once', async () => {
  expect(await failures('retry_if')).toEqual(what.map((name) => [name, 'failed', 1]));
});

it.each([
  ['elsewhere', 'failed'],
  ['transactional', 'failed'],
  ['undoes', 'compensation_failed'],
])('a step of the workflow "%s" that throws it ends the run, and runs once', async (workflow, status) => {
  expect(await failures(workflow)).toEqual(what.map((name) => [name, status, 1]));
});

it('a step that logs it goes on', async () => {
  for (const [name, status] of await failures('logs')) expect([name, status]).toEqual([name, 'completed']);
});

it('a selector that returns it ends, one way or the other, and runs once', async () => {
  for (const [name, status, times] of await failures('selector')) {
    expect([name, status, times]).toEqual([name, expect.stringMatching(/^(failed|completed)$/), 1]);
  }
});
