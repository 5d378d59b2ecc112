import { Injectable, Module } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import {
  currentStep,
  Decision,
  DurableClient,
  DurableModule,
  getDurableClientToken,
  goto,
  Step,
  Workflow,
  WorkflowFailedError,
  type WorkflowHandle,
} from 'nest-durable';
import type { DurableTest } from 'nest-durable/testing';
import { createTestDatabase } from '../support/database.js';
import { bootError, kit, openApp, settled } from '../support/kit-app.js';

@Injectable()
class PriceService {
  of(item: string) {
    return item.length;
  }
}

const instances = new Set<unknown>();

@Workflow()
class OrderWorkflow {
  constructor(private readonly prices: PriceService) {}

  @Step()
  price(data: { item: string }) {
    instances.add(this);
    return { ...data, price: this.prices.of(data.item) };
  }
}

@Module({ providers: [PriceService, OrderWorkflow], exports: [OrderWorkflow] })
class OrderModule {}

@Module({ imports: [OrderModule] })
class ShopModule {}

@Workflow()
class ProcessRefundWorkflow {
  @Step()
  first() {
    return { name: currentStep() };
  }

  @Step({ name: 'charge_card' })
  charge(data: object) {
    return { ...data, named: currentStep() };
  }
}

@Workflow()
class SendInvoice {
  @Step()
  run() {}
}

@Workflow({ name: 'any.other-name', description: 'Has a name of its own' })
class NamedWorkflow {
  @Step()
  run() {}
}

const order: string[] = [];

abstract class Grandparent {
  @Step()
  oldest() {
    order.push('oldest');
  }
}

abstract class Parent extends Grandparent {
  @Step()
  older() {
    order.push('older');
  }
}

@Workflow()
class InheritingWorkflow extends Parent {
  @Step()
  zulu() {
    order.push('zulu');
  }

  notMember() {
    order.push('notMember');
  }

  @Step()
  alpha() {
    order.push('alpha');
  }

  @Step()
  mike() {
    order.push('mike');
  }
}

@Workflow()
class JumpByMethodNameWorkflow {
  @Decision({ goto: ['last'] })
  jump() {
    return goto('last');
  }

  @Step()
  between() {
    return { wrong: true };
  }

  @Step({ name: 'renamed' })
  last(data: object) {
    return { ...data, arrived: currentStep() };
  }
}

let test: DurableTest;

beforeAll(async () => {
  const providers = [ProcessRefundWorkflow, SendInvoice, NamedWorkflow, InheritingWorkflow, JumpByMethodNameWorkflow];
  test = await kit(providers, { imports: [ShopModule] });
});

afterAll(() => test.close());

async function finalData(run: WorkflowHandle<unknown>): Promise<unknown> {
  await test.idle();
  return run.result();
}

describe('a workflow class', () => {
  it('is registered by standing in the providers of any module, and injected like any provider', async () => {
    const run = await test.client.start(OrderWorkflow, { item: 'book' });
    expect(await finalData(run)).toEqual({ item: 'book', price: 4 });
  });

  it('is a singleton', async () => {
    await finalData(await test.client.start(OrderWorkflow, { item: 'a' }));
    await finalData(await test.client.start(OrderWorkflow, { item: 'b' }));
    expect([...instances]).toEqual([test.get(OrderWorkflow)]);
  });

  it('can be started by name', async () => {
    expect(await finalData(await test.client.start('order', { item: 'pen' }))).toEqual({ item: 'pen', price: 3 });
  });

  it('has its class name in snake_case without the suffix Workflow as its name', async () => {
    const names = [
      (await test.client.start(OrderWorkflow, { item: '' })).execution(),
      (await test.client.start(ProcessRefundWorkflow, {})).execution(),
      (await test.client.start(SendInvoice, {})).execution(),
      (await test.client.start(NamedWorkflow, {})).execution(),
    ];
    expect((await Promise.all(names)).map((execution) => execution?.workflow)).toEqual([
      'order',
      'process_refund',
      'send_invoice',
      'any.other-name',
    ]);
  });

  it('is stored in the database at boot', async () => {
    const workflows = await test.client.listWorkflows();
    expect(workflows.map(({ name }) => name)).toEqual(expect.arrayContaining(['order', 'process_refund']));
    const named = workflows.find(({ name }) => name === 'any.other-name');
    expect(named?.description).toBe('Has a name of its own');
  });
});

describe('members', () => {
  it("are named after their method, or by `name`; goto takes the method's name", async () => {
    const run = await test.client.start(ProcessRefundWorkflow, {});
    expect(await finalData(run)).toEqual({ name: 'first', named: 'charge_card' });
    expect((await test.client.getSteps(run.id)).map(({ step }) => step)).toEqual(['first', 'charge_card']);
    const jumped = await test.client.start(JumpByMethodNameWorkflow, {});
    expect(await finalData(jumped)).toEqual({ arrived: 'renamed' });
  });

  it('run in the order they are written, inherited ones first', async () => {
    const run = await test.client.start(InheritingWorkflow, {});
    expect((await settled(test, run)).status).toBe('completed');
    expect(order).toEqual(['oldest', 'older', 'zulu', 'alpha', 'mike']);
    const steps = await test.client.getSteps(run.id);
    const record = { type: 'step', status: 'completed', attempt: 1, round: 1, visit: 1 };
    expect(steps).toMatchObject(order.map((step) => ({ step, ...record })));
  });
});

describe('several instances', () => {
  @Workflow({ instance: 'billing' })
  class BillWorkflow {
    @Step()
    bill() {
      return { billed: true };
    }
  }

  it('a workflow runs in the one that it names', async () => {
    const [main, billing] = [await createTestDatabase(), await createTestDatabase()];
    const billed = DurableModule.forRoot({ name: 'billing', database: { url: billing.url } });
    @Module({ imports: [billed] })
    class BillingModule {}
    const module = await Test.createTestingModule({
      imports: [DurableModule.forRoot({ database: { url: main.url } }), BillingModule],
      providers: [BillWorkflow],
    }).compile();
    const app = await module.createNestApplication().init();
    try {
      const client = app.get<DurableClient>(getDurableClientToken('billing'), { strict: false });
      expect(await (await client.start(BillWorkflow, {})).result()).toEqual({ billed: true });
      const others = await app.get(DurableClient, { strict: false }).listWorkflows();
      expect(others.map(({ name }) => name)).not.toContain('bill');
    } finally {
      await app.close();
    }
  });
});

describe('the same app outside the kit', () => {
  it('runs with nothing but forRoot and the class in the providers', async () => {
    const { url } = await createTestDatabase({ migrated: false });
    const { app, client } = await openApp(url, [PriceService, OrderWorkflow]);
    try {
      const run = await client.start(OrderWorkflow, { item: 'lamp' });
      expect(await run.result()).toEqual({ item: 'lamp', price: 4 });
      await expect(client.start(OrderWorkflow, { item: null }).then((bad) => bad.result())).rejects.toBeInstanceOf(
        WorkflowFailedError,
      );
    } finally {
      await app.close();
    }
    expect(await bootError(url, PriceService, OrderWorkflow)).toBeUndefined();
  });
});
