import { Inject, Injectable, type Provider, Scope } from '@nestjs/common';
import { Branch, Compensate, Decision, DefinitionError, ForEach, Parallel, Step, Workflow } from 'nest-durable';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { bootError, present } from '../support/kit-app.js';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});

/** What the DefinitionError says that stops the boot. */
async function refusal(...providers: Provider[]): Promise<string> {
  const error = present(await bootError(database.url, ...providers));
  if (!(error instanceof DefinitionError)) throw error;
  expect(error.code).toBe(new DefinitionError('').code);
  return error.message;
}

/** All of the words, in any order. */
function words(...all: string[]): RegExp {
  return new RegExp(all.map((word) => `(?=[^]*${word})`).join(''));
}

describe('a request-scoped workflow stops the boot', () => {
  @Workflow()
  class ScopedWorkflow {
    @Step()
    run() {}
  }

  @Injectable({ scope: Scope.REQUEST })
  class PerRequest {}

  @Workflow()
  class DependentWorkflow {
    constructor(@Inject(PerRequest) readonly perRequest: PerRequest) {}

    @Step()
    run() {}
  }

  it('by its provider', async () =>
    expect(await refusal({ provide: ScopedWorkflow, useClass: ScopedWorkflow, scope: Scope.REQUEST })).toMatch(
      words('ScopedWorkflow'),
    ));

  it('by what it injects', async () =>
    expect(await refusal(PerRequest, DependentWorkflow)).toMatch(words('DependentWorkflow')));
});

describe('names that are no members', () => {
  @Workflow()
  class BadCompensateWorkflow {
    // @ts-expect-error the compiler says so too
    @Step({ compensate: 'refnd' })
    charge() {}

    @Step({ compensate: 'refund' })
    chargeAgain() {}

    @Compensate()
    refund() {}
  }

  @Workflow()
  class BadBranchWorkflow {
    // @ts-expect-error the compiler says so too
    @Branch({ a: 'missing', default: 'there' })
    choose() {}

    @Step()
    there() {}
  }

  @Workflow()
  class BadParallelWorkflow {
    // @ts-expect-error the compiler says so too
    @Parallel({ a: ['there', 'missing'] })
    both() {}

    @Step()
    there() {}
  }

  @Workflow()
  class BadLoopWorkflow {
    // @ts-expect-error the compiler says so too
    @ForEach('missing')
    items() {
      return [];
    }
  }

  @Workflow()
  class BadGotoWorkflow {
    // @ts-expect-error the compiler says so too
    @Decision({ goto: ['missing'] })
    decide() {}
  }

  @Workflow()
  class NotAMemberWorkflow {
    @Branch({ a: 'plain' })
    choose() {}

    plain() {}
  }

  it.each([
    [BadCompensateWorkflow, 'charge', 'refnd'],
    [BadBranchWorkflow, 'choose', 'missing'],
    [BadParallelWorkflow, 'both', 'missing'],
    [BadLoopWorkflow, 'items', 'missing'],
    [BadGotoWorkflow, 'decide', 'missing'],
    [NotAMemberWorkflow, 'choose', 'plain'],
  ])('%p', async (workflow, member, missing) =>
    expect(await refusal(workflow)).toMatch(words(workflow.name, member, missing)),
  );
});

describe('arms', () => {
  @Workflow()
  class TwiceWorkflow {
    @Branch({ a: 'shared' })
    first() {}

    @Parallel(['shared', 'other'])
    second() {}

    @Step()
    shared() {}

    @Step()
    other() {}
  }

  @Workflow()
  class TwoArmsWorkflow {
    @Branch({ a: 'shared', b: 'shared' })
    first() {}

    @Step()
    shared() {}
  }

  @Workflow()
  class OwnParentWorkflow {
    @Step()
    start() {}

    @Branch({ a: 'inner' })
    outer() {}

    @Branch({ b: 'outer' })
    inner() {}
  }

  @Workflow()
  class ItselfWorkflow {
    @Branch({ a: 'outer' })
    outer() {}
  }

  it('a member in two arms', async () =>
    expect(await refusal(TwiceWorkflow)).toMatch(words('TwiceWorkflow', 'shared')));

  it('a member in two arms of one branch', async () =>
    expect(await refusal(TwoArmsWorkflow)).toMatch(words('TwoArmsWorkflow', 'shared')));

  it('an arm that holds its own parent', async () =>
    expect(await refusal(OwnParentWorkflow)).toMatch(words('OwnParentWorkflow')));

  it('an arm that holds itself', async () =>
    expect(await refusal(ItselfWorkflow)).toMatch(words('ItselfWorkflow', 'outer')));
});

describe('compensations', () => {
  @Workflow()
  class UnusedWorkflow {
    @Step()
    charge() {}

    @Compensate()
    refund() {}
  }

  @Workflow()
  class NoCompensationWorkflow {
    @Step({ compensate: 'undo' })
    charge() {}

    @Step()
    undo() {}
  }

  it('a compensation nobody uses', async () =>
    expect(await refusal(UnusedWorkflow)).toMatch(words('UnusedWorkflow', 'refund')));

  it('a step that names another step', async () =>
    expect(await refusal(NoCompensationWorkflow)).toMatch(words('NoCompensationWorkflow', 'undo')));
});

describe('others', () => {
  @Workflow({ name: 'same' })
  class OneWorkflow {
    @Step()
    run() {}
  }

  @Workflow({ name: 'same' })
  class OtherWorkflow {
    @Step()
    run() {}
  }

  @Workflow()
  class SameNamesWorkflow {
    @Step({ name: 'charge' })
    first() {}

    @Step({ name: 'charge' })
    second() {}
  }

  @Workflow()
  class BadRetryWorkflow {
    @Step({ retry: { maxAttempts: 0 } })
    run() {}
  }

  @Workflow()
  class InTransactionWorkflow {
    @Step({ transactional: true })
    run() {}
  }

  it('two classes of one name', async () => expect(await refusal(OneWorkflow, OtherWorkflow)).toMatch(words('same')));

  it('two members of one name', async () =>
    expect(await refusal(SameNamesWorkflow)).toMatch(words('SameNamesWorkflow', 'charge')));

  it('options that cannot be', async () =>
    expect(await refusal(BadRetryWorkflow)).toMatch(words('BadRetryWorkflow', 'run', 'maxAttempts')));

  it('a transactional step without `database: { dataSource }`', async () => {
    const error = present(await bootError(database.url, InTransactionWorkflow));
    expect(error.message).toContain('dataSource');
  });
});
