import { DefinitionError, DurableWorkflow, Step, Workflow } from 'nest-durable';

describe('a class with a method "then", which Nest would wait for at boot for ever', () => {
  it('is refused with a DefinitionError that names class, member and the mend', () => {
    const define = (): unknown => {
      @Workflow()
      class PromisingWorkflow {
        @Step()
        // oxlint-disable-next-line unicorn/no-thenable -- this is what it is about
        then() {}
      }
      return PromisingWorkflow;
    };
    expect(define).toThrow(DefinitionError);
    expect(define).toThrow(/PromisingWorkflow\.then.*another name/);
  });

  it('also where it is inherited, and no step', () => {
    abstract class Base extends DurableWorkflow<object> {
      // oxlint-disable-next-line unicorn/no-thenable -- this is what it is about
      then(): void {}
    }
    const define = (): unknown => {
      @Workflow()
      class InheritingWorkflow extends Base {
        @Step()
        run() {}
      }
      return InheritingWorkflow;
    };
    expect(define).toThrow(DefinitionError);
  });
});
