import { DEFAULT_RETRY, DEFAULT_SETTINGS } from '../../lib/core/definition/definition.js';
import { definitionHash } from '../../lib/core/definition/definition-hash.js';
import { goto } from '../../lib/core/run/results.js';
import { Branch } from '../../lib/decorators/branch.decorator.js';
import { Compensate } from '../../lib/decorators/compensate.decorator.js';
import { Decision } from '../../lib/decorators/decision.decorator.js';
import { ForEach } from '../../lib/decorators/for-each.decorator.js';
import { Parallel } from '../../lib/decorators/parallel.decorator.js';
import { Step } from '../../lib/decorators/step.decorator.js';
import type { RetryOptions, StepOptions, WorkflowOptions } from '../../lib/decorators/types.js';
import { compileWorkflow, defaultWorkflowName, type CompiledWorkflow } from '../../lib/workflows/compiler.js';

type Options = WorkflowOptions<object, never>;

const compile = (type: Function, options: Options = {}): CompiledWorkflow => {
  const { compiled, faults } = compileWorkflow(type, options);
  if (compiled === undefined) throw new Error(faults.map(({ path, message }) => `${path}: ${message}`).join('\n'));
  return compiled;
};
const faultsOf = (type: Function, options: Options = {}): string[] =>
  (compileWorkflow(type, options).faults ?? []).map(({ path, message }) => `${path}: ${message}`);

const retryIf = (error: unknown): boolean => error instanceof RangeError;

class OrderWorkflow {
  @Step()
  validate(): void {}

  @Step({
    name: 'take_money',
    retry: { maxAttempts: 3, backoff: 'linear', initialDelay: 5, maxDelay: 50, factor: 3, jitter: false, retryIf },
    timeout: 7_000,
    compensate: 'refund',
    compensateWhen: 'started',
    queue: 'payments',
    transactional: true,
  })
  charge(): void {}

  @Decision({ goto: ['charge', 'fulfil'], maxVisits: 7 })
  review(order: { again: boolean }) {
    return order.again ? goto('charge') : goto('fulfil');
  }

  @Parallel(
    { payment: 'settle', delivery: ['quote', 'route'] },
    { onError: 'completeAll', concurrency: 1, goto: ['last'] },
  )
  fulfil(): void {}

  @Step()
  settle(): void {}

  @Step()
  quote(): void {}

  @Branch({ land: 'drive', default: ['recipients'] }, { retry: { maxAttempts: 2, retryIf } })
  route(): string {
    return 'land';
  }

  @Step()
  drive(): void {}

  @ForEach(['sendOne', 'log'], { results: 'none' })
  recipients(): string[] {
    return [];
  }

  @Step()
  sendOne(): void {}

  @Step()
  log(): void {}

  @Parallel(['left', 'right'])
  last(): void {}

  @Step()
  left(): void {}

  @Step()
  right(): void {}

  @Compensate({ name: 'give_back', timeout: 100, retry: { maxAttempts: 5, retryIf } })
  refund(): void {}
}

const step = (name: string) => ({ kind: 'step', name, member: name, settings: DEFAULT_SETTINGS });

describe('compileWorkflow', () => {
  it('makes a tree of every kind of member, with all defaults filled in', () => {
    const { definition, retryIf: predicates } = compile(OrderWorkflow);
    const retry = { ...DEFAULT_RETRY, maxAttempts: 2 };
    expect(definition).toEqual({
      name: 'order',
      description: null,
      queue: 'default',
      priority: 0,
      timeout: null,
      maxRetries: 0,
      maxRecoveries: 10,
      concurrency: null,
      nodes: [
        step('validate'),
        {
          kind: 'step',
          name: 'take_money',
          member: 'charge',
          settings: {
            retry: { maxAttempts: 3, backoff: 'linear', initialDelay: 5, maxDelay: 50, factor: 3, jitter: false },
            timeout: 7_000,
            compensate: 'give_back',
            compensateWhen: 'started',
            queue: 'payments',
            transactional: true,
          },
        },
        { ...step('review'), kind: 'decision', goto: ['take_money', 'fulfil'], maxVisits: 7 },
        {
          ...step('fulfil'),
          kind: 'parallel',
          arms: {
            payment: [step('settle')],
            delivery: [
              step('quote'),
              {
                ...step('route'),
                kind: 'branch',
                settings: { ...DEFAULT_SETTINGS, retry },
                arms: {
                  land: [step('drive')],
                  default: [
                    {
                      ...step('recipients'),
                      kind: 'forEach',
                      arm: [step('sendOne'), step('log')],
                      onError: 'failFast',
                      concurrency: 10,
                      results: 'none',
                    },
                  ],
                },
              },
            ],
          },
          onError: 'completeAll',
          concurrency: 1,
          goto: ['last'],
        },
        {
          ...step('last'),
          kind: 'parallel',
          arms: { left: [step('left')], right: [step('right')] },
          onError: 'failFast',
          concurrency: null,
          goto: [],
        },
      ],
      compensations: [
        {
          name: 'give_back',
          member: 'refund',
          retry: { ...DEFAULT_RETRY, maxAttempts: 5 },
          timeout: 100,
          transactional: false,
        },
      ],
    });
    expect([...predicates]).toEqual([
      ['take_money', retryIf],
      ['route', retryIf],
      ['give_back', retryIf],
    ]);
  });

  it('gives plain data: no function is in a definition', () => {
    const { definition } = compile(OrderWorkflow);
    expect(structuredClone(definition)).toEqual(definition);
    expect(JSON.parse(JSON.stringify(definition))).toEqual(definition);
  });

  it('takes over every option of @Workflow()', () => {
    class Dto {}
    const key = (input: { id: string }): string => input.id;
    class Any {
      @Step()
      run(): void {}
    }
    const options: WorkflowOptions<Dto, { id: string }> = {
      name: 'named',
      description: 'What it does',
      queue: 'slow',
      priority: 7,
      timeout: 5_000,
      maxRetries: 2,
      maxRecoveries: 3,
      concurrency: { key, limit: 4 },
      input: Dto,
      instance: 'other',
    };
    const compiled = compile(Any, options);
    expect(compiled.definition).toEqual({
      name: 'named',
      description: 'What it does',
      queue: 'slow',
      priority: 7,
      timeout: 5_000,
      maxRetries: 2,
      maxRecoveries: 3,
      concurrency: { limit: 4, hold: 'working' },
      nodes: [step('run')],
      compensations: [],
    });
    expect(compiled.inputType).toBe(Dto);
    expect(compiled.concurrencyKey).toBe(key);
  });

  it('puts inherited members first', () => {
    class Base {
      @Step()
      a(): void {}

      @Step()
      b(): void {}
    }
    class DerivedWorkflow extends Base {
      @Step()
      c(): void {}

      override a(): void {}
    }
    expect(compile(DerivedWorkflow).definition.nodes.map(({ name }) => name)).toEqual(['a', 'b', 'c']);
  });

  it('names class, member and mend of every fault at once', () => {
    const wrong = (options: unknown): StepOptions<never> => options as StepOptions<never>;
    class BadWorkflow {
      @Step(wrong({ compensate: 'refnd', retry: { maxAttempt: 3, retryIf: true } }))
      charge(): void {}

      @Step(wrong({ compensate: 'refund', timeOut: 5, timeout: -5 }))
      ship(): void {}

      @Compensate()
      refund(): void {}

      @Step()
      @Compensate()
      both(): void {}

      @Step(wrong('ship'))
      text(): void {}

      @Step(wrong({ retry: 3 }))
      number(): void {}
    }
    expect(
      faultsOf(BadWorkflow, { prioriti: 1, concurrency: {}, input: 'Dto', instance: 5 } as unknown as Options),
    ).toEqual([
      'BadWorkflow: prioriti is no option. Did you mean "priority"?',
      'BadWorkflow: input is the string "Dto"; it must be a class',
      'BadWorkflow: instance is the number 5; it must be the `name` of a DurableModule',
      'BadWorkflow: concurrency has no limit; say how many runs may run at a time',
      'BadWorkflow.charge: retry.maxAttempt is no option. Did you mean "maxAttempts"?',
      'BadWorkflow.charge: retry.retryIf is true; it must be a function',
      'BadWorkflow.ship: timeOut is no option. Did you mean "timeout"?',
      'BadWorkflow.both: it has @Step() and @Compensate(); a method is one member. Take one away',
      'BadWorkflow.text: its options are the string "ship"; expected an object',
      'BadWorkflow.number: retry is the number 3; expected an object',
      'BadWorkflow.charge: compensate names "refnd", which is no member. Did you mean "refund"?',
      'BadWorkflow.ship: timeout is the number -5; it must be a whole number of ms of at least 1',
    ]);
  });

  it('refuses functions that answer later, where the answer is needed at once', () => {
    const later = { retryIf: async () => false } as unknown as RetryOptions;
    class LaterWorkflow {
      @Step({ retry: later })
      charge(): void {}
    }
    const concurrency = { key: async () => 'a', limit: 1 };
    expect(faultsOf(LaterWorkflow, { concurrency })).toEqual([
      'LaterWorkflow: concurrency.key is an async function; its answer must be there at once',
      'LaterWorkflow.charge: retry.retryIf is an async function; its answer must be there at once',
    ]);
  });

  it('refuses options of steps on what cannot have them', () => {
    const wrong = (options: object): never => options as never;
    class SelectWorkflow {
      @Branch({ a: 'one' }, wrong({ compensate: 'undo' }))
      pick(): string {
        return 'a';
      }

      @Parallel(['two'], wrong({ transactional: true }))
      fan(): void {}

      @ForEach('three', wrong({ queue: 'slow', goto: ['one'] }))
      each(): string[] {
        return [];
      }

      @Step({ compensate: 'undo' })
      one(): void {}

      @Step(wrong({ goto: ['one'] }))
      two(): void {}

      @Step()
      three(): void {}

      @Compensate(wrong({ compensate: 'undo', queue: 'slow' }))
      undo(): void {}
    }
    expect(faultsOf(SelectWorkflow)).toEqual([
      'SelectWorkflow.pick: compensate is no option.',
      'SelectWorkflow.fan: transactional is no option.',
      'SelectWorkflow.each: queue is no option.',
      'SelectWorkflow.each: goto is no option.',
      'SelectWorkflow.two: goto is no option.',
      'SelectWorkflow.undo: compensate is no option.',
      'SelectWorkflow.undo: queue is no option.',
    ]);
  });

  it('refuses a member twice in the short list of a parallel', () => {
    class TwiceWorkflow {
      @Parallel(['one', 'two', 'one'])
      fan(): void {}

      @Step()
      one(): void {}

      @Step()
      two(): void {}
    }
    expect(faultsOf(TwiceWorkflow)).toEqual([
      'TwiceWorkflow.fan: its list names "one" twice; a member stands in one place',
    ]);
  });

  it('refuses arms and members that are no such thing, as JavaScript may write them', () => {
    class GetterWorkflow {
      @Branch(undefined as unknown as Record<string, never>)
      run(): void {}

      @ForEach(5 as unknown as never)
      loop(): string[] {
        return [];
      }
    }
    Object.defineProperty(GetterWorkflow.prototype, 'value', { get: () => 1 });
    Step()(GetterWorkflow.prototype, 'value', {});
    const found = faultsOf(GetterWorkflow);
    expect(found).toContain('GetterWorkflow.value: @Step() goes on a method, and this is none (a getter, or a field)');
    expect(found).toContain('GetterWorkflow.run: it has no arms; name at least one');
    expect(found).toContain('GetterWorkflow.loop: the arm is empty; name a member');
  });

  it('reports a class with nothing to run', () => {
    expect(faultsOf(class EmptyWorkflow {})).toEqual([
      'EmptyWorkflow: it has no member to run: write @Step() above a method',
    ]);
  });
});

describe('notices', () => {
  const noticesOf = (type: Function, options: Options = {}): readonly string[] => compile(type, options).notices;

  it('says which names a minifier may have made', () => {
    class oWorkflow {
      @Step()
      a(): void {}
      @Step({ name: 'b' })
      b(): void {}
      @Parallel(['cc', 'longer'])
      dd(): void {}
      @Step()
      cc(): void {}
      @Step()
      longer(): void {}
    }
    expect(noticesOf(oWorkflow)).toEqual([
      expect.stringMatching(/^its name "o" was made .* Set `name` in @Workflow\(\)$/),
      expect.stringMatching(/^"a", "dd", "cc" go by the names of their methods, .* Set `name` in the decorators$/),
    ]);
  });

  it('says nothing of names that were given, or are longer', () => {
    class o {
      @Step({ name: 'a' })
      a(): void {}
      @Step()
      run(): void {}
    }
    class FaxWorkflow {
      @Step()
      run(): void {}
    }
    expect([...noticesOf(o, { name: 'o' }), ...noticesOf(FaxWorkflow)]).toEqual([]);
  });

  it('says that an input class which is undefined checks nothing', () => {
    class LostWorkflow {
      @Step()
      run(): void {}
    }
    const options = { input: undefined } as unknown as Options;
    expect(noticesOf(LostWorkflow, options)).toEqual([
      expect.stringMatching(/^`input` is undefined .* no input is checked/),
    ]);
  });
});

it('compiles a class of ten thousand members, jumps and compensations among them, at the cost of each', () => {
  class LargeWorkflow {}
  const { prototype } = LargeWorkflow;
  const add = (member: string, decorate: MethodDecorator): void => {
    const method = { value: () => {}, configurable: true, writable: true };
    Object.defineProperty(prototype, member, method);
    decorate(prototype, member, method);
  };
  const count = 10_000;
  for (let nth = 0; nth < count; nth++) {
    if (nth % 2 === 0) add(`step${nth}`, Decision({ goto: ['step0'] }) as MethodDecorator);
    else {
      add(`step${nth}`, Step({ compensate: `undo${nth}` }) as MethodDecorator);
      add(`undo${nth}`, Compensate() as MethodDecorator);
    }
  }
  const { definition } = compile(LargeWorkflow);
  expect(definition.nodes).toHaveLength(count);
  expect(definition.compensations).toHaveLength(count / 2);
  expect(definitionHash(definition)).toMatch(/^[0-9a-f]{32}$/);
});

describe('defaultWorkflowName', () => {
  it.each([
    ['OrderWorkflow', 'order'],
    ['HTTPFetchWorkflow', 'http_fetch'],
    ['Order', 'order'],
    ['SendMailV2Workflow', 'send_mail_v2'],
    ['Order2Workflow', 'order2'],
    ['WorkflowAuditWorkflow', 'workflow_audit'],
    ['Order_Workflow', 'order'],
    ['order_intake', 'order_intake'],
    ['ÄrgerWorkflow', 'ärger'],
    ['Workflow', 'workflow'],
    ['Workflows', 'workflows'],
  ])('%s → %s', (name, expected) => {
    const type = Object.defineProperty(class {}, 'name', { value: name });
    expect(defaultWorkflowName(type)).toBe(expected);
  });

  it('has none for an anonymous class, which the check refuses', () => {
    const type = (() => class {})();
    expect(faultsOf(type)).toContain(
      'an anonymous class: name is the string ""; it must be a string that is not empty',
    );
  });
});
