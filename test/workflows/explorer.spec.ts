import { Controller, Inject, Injectable, Module, Scope, type ModuleMetadata, type Provider } from '@nestjs/common';
import { DiscoveryModule, REQUEST } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import { definitionHash } from '../../lib/core/definition/definition-hash.js';
import { DefinitionError } from '../../lib/core/errors/errors.js';
import { InjectDurable } from '../../lib/decorators/inject-durable.decorator.js';
import { Schedule } from '../../lib/decorators/schedule.decorator.js';
import { Step } from '../../lib/decorators/step.decorator.js';
import type { ScheduleOptions } from '../../lib/decorators/types.js';
import { Workflow } from '../../lib/decorators/workflow.decorator.js';
import { DurableExplorer, type WorkflowBinding } from '../../lib/workflows/durable.explorer.js';
import {
  getDurableClientToken,
  getDurableRunnerToken,
  getDurableEventsToken,
  getDurableOptionsToken,
  getDurableQueuesToken,
} from '../../lib/decorators/tokens.js';

@Injectable()
class PaymentService {
  charge(): string {
    return 'charged';
  }
}

@Workflow()
class OrderWorkflow {
  constructor(readonly payments: PaymentService) {}

  @Step()
  charge(): object {
    return { id: this.payments.charge() };
  }
}

const explore = async (metadata: ModuleMetadata, instance = 'default'): Promise<WorkflowBinding[]> => {
  const app = await Test.createTestingModule({
    ...metadata,
    imports: [DiscoveryModule, ...(metadata.imports ?? [])],
    providers: [DurableExplorer, ...(metadata.providers ?? [])],
  }).compile();
  try {
    return app.get(DurableExplorer).explore(instance);
  } finally {
    await app.close();
  }
};

/** The message of the DefinitionError that the boot stops with. */
const refusal = async (metadata: ModuleMetadata): Promise<string> => {
  const error: unknown = await explore(metadata).then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(DefinitionError);
  return (error as DefinitionError).message;
};

describe('DurableExplorer', () => {
  it('finds a workflow by its being a provider, with what it injects', async () => {
    const [binding, ...others] = await explore({ providers: [OrderWorkflow, PaymentService] });
    expect(others).toEqual([]);
    expect(binding).toMatchObject({ className: 'OrderWorkflow', type: OrderWorkflow, inputType: null, schedules: [] });
    expect(binding?.definition.name).toBe('order');
    expect(binding?.hash).toBe(binding && definitionHash(binding.definition));
    expect(binding?.instance).toBeInstanceOf(OrderWorkflow);
    const instance = binding?.instance as OrderWorkflow | undefined;
    expect(instance?.charge()).toEqual({ id: 'charged' });
  });

  it('finds those of imported modules, in order of their names', async () => {
    @Workflow({ name: 'a_first' })
    class Other {
      @Step()
      run(): void {}
    }
    @Module({ providers: [Other] })
    class OtherModule {}
    const found = await explore({ imports: [OtherModule], providers: [OrderWorkflow, PaymentService] });
    expect(found.map(({ definition }) => definition.name)).toEqual(['a_first', 'order']);
  });

  it.each<[string, Provider]>([
    ['useClass', { provide: 'TOKEN', useClass: OrderWorkflow }],
    ['useValue', { provide: OrderWorkflow, useValue: new OrderWorkflow(new PaymentService()) }],
    [
      'useFactory',
      {
        provide: 'TOKEN',
        inject: [PaymentService],
        useFactory: (service: PaymentService) => new OrderWorkflow(service),
      },
    ],
    [
      'an asynchronous factory',
      { provide: 'TOKEN', useFactory: async () => Promise.resolve(new OrderWorkflow(new PaymentService())) },
    ],
  ])('finds one provided with %s', async (_, provider) => {
    const found = await explore({ providers: [PaymentService, provider] });
    expect(found.map(({ type }) => type)).toEqual([OrderWorkflow]);
    expect(found[0]?.instance).toBeInstanceOf(OrderWorkflow);
  });

  it('asks for no types of a class whose instance is given', async () => {
    @Workflow({ name: 'given' })
    class GivenWorkflow {
      constructor(readonly service: PaymentService) {}

      @Step()
      charge() {}
    }
    Reflect.deleteMetadata('design:paramtypes', GivenWorkflow);
    const given = { provide: GivenWorkflow, useValue: new GivenWorkflow(new PaymentService()) };
    expect(await explore({ providers: [given] })).toHaveLength(1);
  });

  it('does not count an alias as a second one', async () => {
    const alias = { provide: 'ALIAS', useExisting: OrderWorkflow };
    expect(await explore({ providers: [OrderWorkflow, PaymentService, alias] })).toHaveLength(1);
  });

  it('passes over all other providers and controllers', async () => {
    @Controller()
    class AnyController {}
    const providers: Provider[] = [
      PaymentService,
      { provide: 'NULL', useValue: null },
      { provide: 'TEXT', useValue: 'text' },
      { provide: 'BARE', useValue: Object.create(null) as object },
      { provide: 'FUNCTION', useValue: () => undefined },
      { provide: 'FACTORY', useFactory: () => undefined },
      { provide: 'SCOPED', scope: Scope.REQUEST, useFactory: () => new PaymentService() },
    ];
    expect(await explore({ providers, controllers: [AnyController] })).toEqual([]);
  });

  it('gives each instance its own workflows', async () => {
    @Workflow({ instance: 'billing' })
    class BillingWorkflow {
      @Step()
      run(): void {}
    }
    const providers = [OrderWorkflow, PaymentService, BillingWorkflow];
    expect((await explore({ providers })).map(({ className }) => className)).toEqual(['OrderWorkflow']);
    expect((await explore({ providers }, 'billing')).map(({ className }) => className)).toEqual(['BillingWorkflow']);
    expect(await explore({ providers }, 'nobody')).toEqual([]);
  });

  describe('refuses', () => {
    it('one class provided in two modules', async () => {
      @Module({ providers: [OrderWorkflow, PaymentService] })
      class FirstModule {}
      @Module({ providers: [OrderWorkflow, PaymentService] })
      class SecondModule {}
      expect(await refusal({ imports: [FirstModule, SecondModule] })).toMatch(
        /OrderWorkflow: it is provided 2 times \(in FirstModule and SecondModule\).*provide it in one module/,
      );
    });

    it('two classes with one name', async () => {
      @Workflow({ name: 'order' })
      class Purchase {
        @Step()
        run(): void {}
      }
      expect(await refusal({ providers: [OrderWorkflow, PaymentService, Purchase] })).toContain(
        'Purchase: its name "order" is that of OrderWorkflow too: set `name` in one of the two @Workflow()s',
      );
    });

    it('a request-scoped or transient one, whichever decorator stands first', async () => {
      @Workflow()
      @Injectable({ scope: Scope.REQUEST })
      class Below {
        @Step()
        run(): void {}
      }
      @Injectable({ scope: Scope.TRANSIENT })
      @Workflow()
      class Above {
        @Step()
        run(): void {}
      }
      const message = await refusal({ providers: [Below, Above] });
      expect(message).toMatch(/Below: it is request-scoped or transient.*make it and what it injects singletons/);
      expect(message).toMatch(/Above: it is request-scoped or transient/);
    });

    it('one that a request-scoped factory makes', async () => {
      const useFactory = (): OrderWorkflow => new OrderWorkflow(new PaymentService());
      const message = await refusal({ providers: [{ provide: OrderWorkflow, scope: Scope.REQUEST, useFactory }] });
      expect(message).toMatch(/OrderWorkflow: it is request-scoped or transient/);
    });

    it('one that something it injects makes request-scoped', async () => {
      @Injectable()
      class RequestUser {
        constructor(@Inject(REQUEST) readonly request: unknown) {}
      }
      @Workflow()
      class UserWorkflow {
        constructor(readonly user: RequestUser) {}

        @Step()
        run(): void {}
      }
      expect(await refusal({ providers: [RequestUser, UserWorkflow] })).toMatch(
        /UserWorkflow: it is request-scoped or transient, itself or by something it injects/,
      );
    });

    it('members on a class without @Workflow()', async () => {
      @Injectable()
      class Forgotten {
        @Step()
        run(): void {}
      }
      expect(await refusal({ providers: [Forgotten] })).toContain(
        'Forgotten: it has @Step() on "run" but no @Workflow(): add @Workflow() to the class',
      );
    });

    it('a subclass without @Workflow() of its own, which the discovery service does not see', async () => {
      class SpecialOrder extends OrderWorkflow {}
      const provider = { provide: OrderWorkflow, useClass: SpecialOrder };
      expect(await refusal({ providers: [provider, PaymentService] })).toMatch(
        /SpecialOrder: it has @Step\(\) on "charge" but no @Workflow\(\).*a subclass does not inherit it/,
      );
    });

    it('everything that is wrong with all workflows, in one error', async () => {
      @Workflow({ queue: '' })
      class OneWorkflow {
        @Step({ timeout: -1 })
        run(): void {}
      }
      @Workflow()
      class TwoWorkflow {}
      const message = await refusal({ providers: [OneWorkflow, TwoWorkflow] });
      expect(message.split('\n  - ')).toEqual([
        'The workflows cannot run as they are written:',
        'OneWorkflow: queue is the string ""; it must be a queue name of 1 to 64 characters without control characters',
        'OneWorkflow.run: timeout is the number -1; it must be a whole number of ms of at least 1',
        'TwoWorkflow: it has no member to run: write @Step() above a method',
      ]);
    });

    it('every fault of every @Schedule(), and names that are taken', async () => {
      class Base {
        @Step()
        run(): void {}
      }
      @Workflow({ name: 'one' })
      @Schedule({ cron: '60 * * * *', timezone: 'Europe/Berln', ovrlap: 'skip' } as unknown as ScheduleOptions)
      @Schedule({
        cron: '@dayly',
        name: '',
        catchUp: 'lates',
        catchUpLimit: 0,
        catchUpWindow: -1,
      } as unknown as ScheduleOptions)
      @Schedule({ name: 'c', input: () => {}, enabled: 1, queue: '' } as unknown as ScheduleOptions)
      @Schedule({ cron: '@daily', name: 'd', input: { at: Symbol('x') } })
      class OneWorkflow extends Base {}
      @Workflow({ name: 'two' })
      @Schedule({ cron: '@daily' })
      @Schedule({ cron: '@hourly' })
      class TwoWorkflow extends Base {}
      @Workflow({ name: 'three' })
      @Schedule({ cron: '@daily', name: 'two' })
      @Schedule('@daily' as unknown as ScheduleOptions)
      class ThreeWorkflow extends Base {}
      @Workflow({ name: 'four' })
      @Schedule({ cron: '@daily', name: 'two' })
      class FourWorkflow extends Base {}
      const message = await refusal({ providers: [OneWorkflow, TwoWorkflow, ThreeWorkflow, FourWorkflow] });
      for (const fault of [
        'OneWorkflow @Schedule() 1.timezone: The cron expression "60 * * * *" is not valid: the timezone is the string "Europe/Berln". Did you mean "Europe/Berlin"?',
        'OneWorkflow @Schedule() 1.cron: The cron expression "60 * * * *" is not valid: constraint error, got value 60 expected range 0-59',
        'OneWorkflow @Schedule() 1.ovrlap: is not an option. Did you mean "overlap"?',
        'OneWorkflow @Schedule() 2.cron: The cron expression "@dayly" is not valid: there is no macro of that name. Did you mean "@daily"?',
        'OneWorkflow @Schedule() 2.name: expected a name of 1 to 200 characters',
        `OneWorkflow @Schedule() 2.catchUp: expected 'latest' or 'all' or 'none', got the string "lates". Did you mean "latest"?`,
        'OneWorkflow @Schedule() 2.catchUpLimit: expected a whole number from 1 to 1000, got the number 0',
        'OneWorkflow @Schedule() 2.catchUpWindow: expected a whole number from 0',
        'OneWorkflow @Schedule() 3.cron: The cron expression "undefined" is not valid: expected a string, got undefined',
        'OneWorkflow @Schedule() 3.input: expected an object, got a function',
        'OneWorkflow @Schedule() 3.enabled: expected true or false, got the number 1',
        'OneWorkflow @Schedule() 3.queue: expected a queue name',
        'OneWorkflow @Schedule() 4.input: input.at cannot be stored',
        'TwoWorkflow @Schedule(): the name "two" is that of another @Schedule() of this class too',
        'ThreeWorkflow @Schedule() 2: expected an object with options, got the string "@daily"',
        'FourWorkflow @Schedule(): the name "two" is that of a @Schedule() of TwoWorkflow too',
      ]) {
        expect(message).toContain(fault);
      }
    });

    it('gives what a right @Schedule() says, defaults filled in', async () => {
      @Workflow({ name: 'report' })
      @Schedule({ cron: '0 9 * * MON-FRI', timezone: 'Europe/Berlin', input: { n: 1 }, overlap: 'skip' })
      class ReportWorkflow {
        @Step()
        run(): void {}
      }
      const [binding] = await explore({ providers: [ReportWorkflow] });
      expect(binding?.schedules).toEqual([
        {
          name: 'report',
          workflow: 'report',
          enabled: true,
          settings: {
            cron: '0 9 * * MON-FRI',
            timezone: 'Europe/Berlin',
            input: '{"n":1}',
            queue: null,
            overlap: 'skip',
            catchUp: 'latest',
            catchUpWindow: 86_400_000,
            catchUpLimit: 100,
          },
        },
      ]);
    });
  });
});

describe('@InjectDurable()', () => {
  it('injects the client of the instance that it names', async () => {
    @Injectable()
    class Consumer {
      constructor(
        @InjectDurable() readonly first: object,
        @InjectDurable('billing') readonly second: object,
      ) {}
    }
    const first = { client: 'default' };
    const second = { client: 'billing' };
    const app = await Test.createTestingModule({
      providers: [
        Consumer,
        { provide: getDurableClientToken(), useValue: first },
        { provide: getDurableClientToken('billing'), useValue: second },
      ],
    }).compile();
    expect(app.get(Consumer)).toMatchObject({ first, second });
    await app.close();
  });

  it('tokens differ by what they stand for and by name', () => {
    const tokens = ['default', 'billing'].flatMap((name) => [
      getDurableClientToken(name),
      getDurableRunnerToken(name),
      getDurableEventsToken(name),
      getDurableOptionsToken(name),
      getDurableQueuesToken(name),
    ]);
    expect(new Set(tokens).size).toBe(10);
    expect(getDurableClientToken()).toBe(getDurableClientToken('default'));
  });
});
