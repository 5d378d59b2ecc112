import { randomUUID } from 'node:crypto';
import type { INestApplicationContext } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import {
  callWorkflow,
  Compensate,
  DurableClient,
  DurableModule,
  type Execution,
  InjectDurable,
  type PendingInput,
  Step,
  stepManager,
  WaitCancelledError,
  waitForAll,
  waitForAny,
  waitForApproval,
  waitForChoices,
  waitForEvent,
  waitForForm,
  waitForInput,
  Workflow,
  workflowId,
} from 'nest-durable';
import { DataSource, type EntityManager } from 'typeorm';
import { createTestDatabase } from '../support/database.js';
import { until } from '../support/until.js';

const undone: string[] = [];

@Workflow({ name: 'payment' })
class PaymentWorkflow {
  @Step()
  async wait(data: object) {
    return { ...data, paid: await waitForEvent<unknown>('paid') };
  }
}

@Workflow({ name: 'counting' })
class CountingWorkflow {
  @Step()
  async wait() {
    const first = await waitForEvent<number>('n');
    const [name, second] = await waitForAny<number>(['m', 'n']);
    const { n, z } = await waitForAll<{ n: number; z: string }>(['n', 'z']);
    return { first, name, second, n, z };
  }
}

@Workflow({ name: 'approval' })
class ApprovalWorkflow {
  @Step()
  async ask() {
    return { answer: await waitForApproval('approve', { prompt: 'May we?', metadata: { amount: 7n } }) };
  }
}

@Workflow({ name: 'survey' })
class SurveyWorkflow {
  @Step()
  async ask() {
    const fields = [
      { name: 'due', type: 'date', required: true },
      { name: 'size', type: 'select', options: ['S', 'M'] },
    ] as const;
    const form = await waitForForm<{ due: Date; size?: string }>('form', { fields });
    const colours = await waitForChoices('colours', { choices: [{ value: 'red' }, { value: 'blue' }] });
    return { due: form.due, isDate: form.due instanceof Date, colours };
  }
}

@Workflow({ name: 'patient' })
class PatientWorkflow {
  @Step()
  async ask() {
    try {
      return { answer: await waitForInput<string>('anything') };
    } catch (error) {
      if (error instanceof WaitCancelledError) return { cancelled: error.message };
      throw error;
    }
  }
}

@Workflow({ name: 'family' })
class FamilyWorkflow {
  @Step({ compensate: 'unbook' })
  book() {
    return { booked: true };
  }

  @Step()
  async call() {
    const results = await Promise.all([
      callWorkflow(BookingWorkflow, { n: 1 }, { ref: 'one' }),
      callWorkflow(BookingWorkflow, { n: 2 }, { ref: 'two' }),
    ]);
    return { results };
  }

  @Compensate()
  unbook() {
    undone.push('family');
  }
}

@Workflow({ name: 'booking' })
class BookingWorkflow {
  @Step({ compensate: 'unbook' })
  book(data: { n: number }) {
    return data;
  }

  @Step()
  async confirm(data: { n: number }) {
    await waitForEvent('confirmed');
    return data;
  }

  @Compensate()
  unbook(data: { n: number }) {
    undone.push(`booking ${data.n}`);
  }
}

@Workflow({ name: 'sender' })
class SenderWorkflow {
  static fail = new Set<string>();

  constructor(@InjectDurable() private readonly durable: DurableClient) {}

  @Step({ transactional: true })
  async send(data: { to: string }) {
    await stepManager<EntityManager>().query('INSERT INTO sent VALUES ($1)', [workflowId()]);
    await this.durable.sendEvent(data.to, 'paid', workflowId());
    if (SenderWorkflow.fail.has(data.to)) throw new Error('not after all');
  }
}

let worker: INestApplicationContext;
let web: INestApplicationContext;
let client: DurableClient;
let dataSource: DataSource;

beforeAll(async () => {
  const { url } = await createTestDatabase();
  dataSource = await new DataSource({ type: 'postgres', url, installExtensions: false }).initialize();
  await dataSource.query('CREATE TABLE sent (id text)');
  const start = async (workers: boolean): Promise<INestApplicationContext> => {
    const module = await Test.createTestingModule({
      imports: [DurableModule.forRoot({ database: { dataSource }, workers })],
      providers: [
        PaymentWorkflow,
        CountingWorkflow,
        ApprovalWorkflow,
        SurveyWorkflow,
        PatientWorkflow,
        FamilyWorkflow,
        BookingWorkflow,
        SenderWorkflow,
      ],
    }).compile();
    return module.init();
  };
  worker = await start(true);
  web = await start(false);
  // One that executes nothing: what it sends reaches the runs in the other.
  client = web.get(DurableClient);
});

afterAll(async () => {
  await web.close();
  await worker.close();
  await dataSource.destroy();
});

function untilWaiting(id: string): Promise<Execution> {
  return until(async () => {
    const execution = await client.getExecution(id);
    return execution?.status === 'waiting' && execution;
  });
}

function untilAsked(executionId: string, name: string): Promise<PendingInput> {
  return until(async () => (await client.listPendingInputs({ executionId })).find((input) => input.name === name));
}

describe('events', () => {
  it('reach a run that waits for them, one that will, and one that has not begun', async () => {
    const late = await client.start(PaymentWorkflow, {});
    await untilWaiting(late.id);
    await late.sendEvent('paid', { amount: 5n, at: new Date(0) });
    expect(await late.result()).toEqual({ paid: { amount: 5n, at: new Date(0) } });

    const early = await client.start(PaymentWorkflow, {}, { delay: 3_600_000 });
    await early.sendEvent('paid');
    expect((await early.execution())?.status).toBe('pending');

    const between = await client.start(PaymentWorkflow, {});
    await between.sendEvent('paid', 1);
    expect(await between.result()).toEqual({ paid: 1 });
    await expect(between.sendEvent('paid')).rejects.toMatchObject({ code: 'EXECUTION_FINISHED' });
    await expect(client.sendEvent(randomUUID(), 'paid')).rejects.toMatchObject({ code: 'EXECUTION_NOT_FOUND' });
  });

  it('of one name are taken in the order sent, whatever else comes in between', async () => {
    const run = await client.start(CountingWorkflow, {});
    await run.sendEvent('z', 'last');
    for (const n of [1, 2, 3, 4]) await run.sendEvent('n', n);
    expect(await run.result()).toEqual({ first: 1, name: 'n', second: 2, n: 3, z: 'last' });
  });

  it('with a dedupe key are delivered once', async () => {
    const run = await client.start(CountingWorkflow, {});
    await Promise.all([1, 1, 1].map((n) => run.sendEvent('n', n, { dedupeKey: 'hook-1' })));
    await untilWaiting(run.id);
    for (const n of [2, 3]) await run.sendEvent('n', n);
    await run.sendEvent('z', '');
    expect(await run.result()).toMatchObject({ first: 1, second: 2, n: 3 });
  });

  it('are sent by a transaction if and only if it commits', async () => {
    const run = await client.start(PaymentWorkflow, {});
    await untilWaiting(run.id);
    const rolledBack = dataSource.transaction(async (manager) => {
      await run.sendEvent('paid', 'no', { manager });
      throw new Error('rolled back');
    });
    await expect(rolledBack).rejects.toThrow('rolled back');
    await dataSource.transaction((manager) => run.sendEvent('paid', 'yes', { manager }));
    expect(await run.result()).toEqual({ paid: 'yes' });
  });

  it('join the transaction of a transactional step', async () => {
    const [one, other] = [await client.start(PaymentWorkflow, {}), await client.start(PaymentWorkflow, {})];
    SenderWorkflow.fail.add(other.id);
    const failing = await client.start(SenderWorkflow, { to: other.id });
    await expect(failing.result()).rejects.toMatchObject({ code: 'WORKFLOW_FAILED' });
    const sending = await client.start(SenderWorkflow, { to: one.id });
    await sending.result();
    expect(await one.result()).toEqual({ paid: sending.id });
    expect(await dataSource.query('SELECT id FROM sent')).toEqual([{ id: sending.id }]);
    await other.sendEvent('paid', 'by hand');
    expect(await other.result()).toEqual({ paid: 'by hand' });
  });

  it('that are waited for are listed', async () => {
    const run = await client.start(CountingWorkflow, {});
    const names = async () =>
      (await client.listPendingEvents({ limit: 1000 }))
        .filter((event) => event.executionId === run.id)
        .map(({ eventName, step, workflow, status }) => `${workflow} ${step} ${eventName} ${status}`);
    await until(async () => (await names()).includes('counting wait n pending'));
    await run.sendEvent('n', 1);
    await until(async () => (await names()).join() === 'counting wait m pending,counting wait n pending');
    await run.cancel();
    expect(await names()).toEqual([]);
  });
});

describe('inputs', () => {
  it('are answered once, however many answer at a time', async () => {
    for (let round = 0; round < 20; round++) {
      const run = await client.start(ApprovalWorkflow, {});
      const asked = await untilAsked(run.id, 'approve');
      expect(asked).toMatchObject({
        executionId: run.id, workflow: 'approval', step: 'ask', name: 'approve', type: 'approval', prompt: 'May we?',
        metadata: { amount: 7n }, fields: null, choices: null, status: 'pending', timeoutAt: null, response: null,
      }); // prettier-ignore
      const answers = [true, false, 'approved', { approved: false }];
      const results = await Promise.allSettled(
        answers.map((answer, n) =>
          (n % 2 ? worker.get(DurableClient) : client).provideInput(run.id, 'approve', answer),
        ),
      );
      const winners = results.flatMap((result, n) => (result.status === 'fulfilled' ? [n] : []));
      expect(winners).toHaveLength(1);
      const refused = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []));
      expect(refused).toMatchObject(Array.from({ length: 3 }, () => ({ code: 'INPUT_NOT_PENDING' })));
      expect(await run.result()).toEqual({ answer: (winners[0] ?? 0) % 2 === 0 ? 'approved' : 'rejected' });
      const [answered] = await client.listPendingInputs({ executionId: run.id, status: 'completed' });
      expect(answered).toMatchObject({ status: 'completed', response: answers[winners[0] ?? 0] });
      expect(answered?.closedAt).toBeInstanceOf(Date);
    }
  });

  it('stay open after an answer that is none; dates come as Dates', async () => {
    const run = await client.start(SurveyWorkflow, {});
    const { id } = await untilAsked(run.id, 'form');
    await expect(run.provideInput('form', { due: 'soon', size: 'L', colour: 'red' })).rejects.toMatchObject({
      code: 'INVALID_INPUT', violations: [{ path: 'due' }, { path: 'size' }, { path: 'colour' }],
    }); // prettier-ignore
    await run.provideInput({ inputId: id }, { due: '2026-01-31' });
    await untilAsked(run.id, 'colours');
    await run.provideInput('colours', ['blue', 'red']);
    expect(await run.result()).toEqual({ due: new Date('2026-01-31'), isDate: true, colours: ['blue', 'red'] });
  });

  it('that are cancelled throw in their step', async () => {
    const run = await client.start(PatientWorkflow, {});
    await untilAsked(run.id, 'anything');
    expect(await client.cancelWait(run.id, { name: 'other' })).toBe(0);
    expect(await client.cancelWait(run.id, { reason: 'nobody is there' })).toBe(1);
    expect(await run.result()).toEqual({ cancelled: expect.stringContaining('nobody is there') });
    await expect(run.provideInput('anything', 1)).rejects.toMatchObject({
      code: 'INPUT_NOT_PENDING', status: 'cancelled',
    }); // prettier-ignore
  });
});

describe('children', () => {
  async function family(): Promise<{ id: string; children: Execution[] }> {
    const { id } = await client.start(FamilyWorkflow, {});
    const children = await until(async () => {
      const found = await client.listChildren(id, { status: 'waiting' });
      return found.length === 2 && found;
    });
    return { id, children };
  }

  it('are listed and counted, and their results come to the parent', async () => {
    const { id, children } = await family();
    expect(children).toMatchObject([
      { workflow: 'booking', parentId: id, status: 'waiting' },
      { workflow: 'booking', parentId: id, status: 'waiting' },
    ]);
    const nobody = randomUUID();
    expect(await client.childCounts([id, nobody])).toEqual({ [id]: 2, [nobody]: 0 });
    await Promise.all(children.map((child) => client.sendEvent(child.id, 'confirmed')));
    expect(await client.handle(id).result()).toEqual({ results: [{ n: 1 }, { n: 2 }] });
    expect(await client.listChildren(id, { status: ['waiting', 'running'] })).toEqual([]);
    await expect(client.listChildren(nobody)).rejects.toMatchObject({ code: 'EXECUTION_NOT_FOUND' });
  });

  it('that end at the same moment are never missed by their parent', async () => {
    for (let round = 0; round < 5; round++) {
      const families = await Promise.all(Array.from({ length: 10 }, family));
      await Promise.all(
        families.flatMap(({ children }) => children.map((child) => client.sendEvent(child.id, 'confirmed'))),
      );
      const results = await Promise.all(families.map(({ id }) => client.handle(id).result({ timeout: 30_000 })));
      expect(results).toEqual(families.map(() => ({ results: [{ n: 1 }, { n: 2 }] })));
    }
  });

  it('are cancelled with their parent', async () => {
    const { id, children } = await family();
    expect(await client.cancel(id, 'no more')).toBe(true);
    for (const run of [id, ...children.map((child) => child.id)]) {
      await expect(client.handle(run).result()).rejects.toMatchObject({
        code: 'WORKFLOW_CANCELLED',
        reason: 'no more',
      });
    }
    expect(undone).toEqual([]);
    expect(await client.cancel(id)).toBe(false);
  });

  it('are undone with their parent where that is asked for', async () => {
    const { id, children } = await family();
    expect(await client.cancel(id, 'undo it', { compensate: true })).toBe(true);
    for (const run of [id, ...children.map((child) => child.id)]) {
      await expect(client.handle(run).result()).rejects.toMatchObject({
        code: 'WORKFLOW_CANCELLED',
        reason: 'undo it',
      });
      expect((await client.getExecution(run))?.status).toBe('compensated');
    }
    expect(undone.splice(0).toSorted()).toEqual(['booking 1', 'booking 2', 'family']);
  });

  it('that are cancelled alone are told to the parent, which fails and cancels the others', async () => {
    const { id, children } = await family();
    await client.cancel(children[0]?.id ?? '', 'one only');
    await expect(client.handle(id).result()).rejects.toMatchObject({ code: 'WORKFLOW_FAILED', status: 'compensated' });
    expect((await client.getExecution(children[1]?.id ?? ''))?.status).toBe('cancelled');
    expect(undone.splice(0)).toEqual(['family']);
  });
});
