import { DefinitionError } from '../../lib/core/errors/errors.js';
import { Compensate } from '../../lib/decorators/compensate.decorator.js';
import { decoratedMembers, methodNames } from '../../lib/decorators/member-metadata.js';
import { Schedule, workflowSchedules } from '../../lib/decorators/schedule.decorator.js';
import { Step } from '../../lib/decorators/step.decorator.js';
import { Workflow } from '../../lib/decorators/workflow.decorator.js';
import { workflowOptions } from '../../lib/decorators/workflow-options.js';

class Base {
  @Step()
  first(): void {}

  @Step({ name: 'base_second' })
  second(): void {}

  @Step()
  third(): void {}

  helper(): void {}
}

class Derived extends Base {
  @Step()
  fourth(): void {}

  override third(): void {}

  @Step({ name: 'own_second' })
  override second(): void {}

  override helper(): void {}
}

const names = (type: Function): string[] => decoratedMembers(type).map(({ member }) => member);
const optionsOf = (type: Function, name: string): unknown =>
  decoratedMembers(type)
    .find(({ member }) => member === name)
    ?.decorators.map(({ options }) => options);

describe('decorated members', () => {
  it('stand in the order they are written, inherited ones first', () => {
    expect(names(Base)).toEqual(['first', 'second', 'third']);
    expect(names(Derived)).toEqual(['first', 'second', 'third', 'fourth']);
  });

  it('an override has its own decorator in place of the base', () => {
    expect(optionsOf(Derived, 'second')).toEqual([{ name: 'own_second' }]);
    expect(optionsOf(Base, 'second')).toEqual([{ name: 'base_second' }]);
  });

  it('an override without a decorator stays the member, with what the base says', () => {
    expect(optionsOf(Derived, 'third')).toEqual([{}]);
  });

  it('a decorated override of a plain method is a member, where the base method stands', () => {
    class Helped extends Base {
      @Step()
      override helper(): void {}
    }
    expect(names(Helped)).toEqual(['first', 'second', 'third', 'helper']);
    expect(names(Base)).not.toContain('helper');
  });

  it('survive a decorator above ours that wraps the method', () => {
    const Wrap = (_target: object, _key: string, descriptor: TypedPropertyDescriptor<() => string>): void => {
      const { value } = descriptor;
      descriptor.value = () => `wrapped ${value?.() ?? ''}`;
    };
    class Wrapped {
      @Wrap
      @Step()
      run(): string {
        return 'run';
      }
    }
    expect(names(Wrapped)).toEqual(['run']);
    expect(new Wrapped().run()).toBe('wrapped run');
  });

  it('lists two decorators on one method as they are written', () => {
    class Twice {
      @Step()
      @Compensate()
      run(): void {}
    }
    expect(decoratedMembers(Twice)[0]?.decorators.map(({ decorator }) => decorator)).toEqual(['Step', 'Compensate']);
  });

  it('refuses a static method where it is written', () => {
    const define = (): unknown => {
      class Static {
        @Step()
        static run(): void {}
      }
      return Static;
    };
    expect(define).toThrow(DefinitionError);
    expect(define).toThrow('Static.run is static: @Step() goes on a method of the instance. Take "static" away.');
  });

  it('gives nothing for a class without decorators, and for a function that is no class', () => {
    expect(decoratedMembers(class {})).toEqual([]);
    expect(decoratedMembers(() => undefined)).toEqual([]);
  });
});

describe('methodNames', () => {
  it('has every method once, no constructor, and runs no getter', () => {
    class Getter extends Derived {
      get broken(): never {
        throw new Error('the getter was called');
      }
    }
    expect(methodNames(Getter)).toEqual(['first', 'second', 'third', 'helper', 'fourth']);
  });
});

describe('@Workflow()', () => {
  it('keeps its options on the class itself: a subclass is no workflow by that', () => {
    @Workflow({ name: 'a', priority: 3 })
    class A {}
    class B extends A {}
    @Workflow()
    class C extends A {}
    expect(workflowOptions(A)).toEqual({ name: 'a', priority: 3 });
    expect(workflowOptions(B)).toBeNull();
    expect(workflowOptions(C)).toEqual({});
  });
});

describe('@Schedule()', () => {
  it('collects any number in the order they are written, above or below @Workflow(), not inherited', () => {
    @Schedule({ cron: '@daily' })
    @Workflow()
    @Schedule({ cron: '@hourly', name: 'each_hour' })
    class A {}
    @Schedule({ cron: '@weekly' })
    class B extends A {}
    class C extends A {}
    expect(workflowSchedules(A)).toEqual([{ cron: '@daily' }, { cron: '@hourly', name: 'each_hour' }]);
    expect(workflowSchedules(B)).toEqual([{ cron: '@weekly' }]);
    expect(workflowSchedules(C)).toEqual([]);
  });
});
