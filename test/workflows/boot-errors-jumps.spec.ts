import { type Provider } from '@nestjs/common';
import { Branch, Decision, DefinitionError, finish, ForEach, goto, Parallel, Step, Workflow } from 'nest-durable';
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

describe('jumps', () => {
  @Workflow()
  class OutOfParallelWorkflow {
    @Parallel(['leave', 'other'])
    both() {}

    @Decision({ goto: ['after'] })
    leave() {
      return goto('after');
    }

    @Step()
    other() {}

    @Step()
    after() {}
  }

  @Workflow()
  class OutOfBranchInParallelWorkflow {
    @Parallel(['choose', 'other'])
    both() {}

    @Branch({ a: 'leave' })
    choose() {}

    @Decision({ goto: ['after'] })
    leave() {}

    @Step()
    other() {}

    @Step()
    after() {}
  }

  @Workflow()
  class OutOfLoopWorkflow {
    @ForEach('leave')
    items() {
      return [1];
    }

    @Decision({ goto: ['after'] })
    leave() {
      return goto('after');
    }

    @Step()
    after() {}
  }

  @Workflow()
  class IntoArmWorkflow {
    @Decision({ goto: ['inside'] })
    enter() {
      return goto('inside');
    }

    @Branch({ a: 'inside' })
    choose() {}

    @Step()
    inside() {}
  }

  @Workflow()
  class CollectorWorkflow {
    @Parallel(['inner', 'other'])
    outer() {}

    @Parallel(['one', 'two'], { goto: ['after'] })
    inner() {}

    @Step()
    other() {}

    @Step()
    one() {}

    @Step()
    two() {}

    @Step()
    after() {}
  }

  @Workflow()
  class FinishInArmWorkflow {
    @Parallel(['end', 'other'])
    both() {}

    @Decision()
    end(data: object) {
      return finish(data);
    }

    @Step()
    other() {}
  }

  @Workflow()
  class FinishInItemWorkflow {
    @ForEach('end')
    items() {
      return [1];
    }

    @Decision()
    end() {
      return finish({});
    }
  }

  it('out of a parallel arm', async () =>
    expect(await refusal(OutOfParallelWorkflow)).toMatch(words('OutOfParallelWorkflow', 'leave', 'after')));

  it('out of a parallel arm through a branch', async () =>
    expect(await refusal(OutOfBranchInParallelWorkflow)).toMatch(
      words('OutOfBranchInParallelWorkflow', 'leave', 'after'),
    ));

  it('out of a loop item', async () =>
    expect(await refusal(OutOfLoopWorkflow)).toMatch(words('OutOfLoopWorkflow', 'leave', 'after')));

  it('into an arm', async () =>
    expect(await refusal(IntoArmWorkflow)).toMatch(words('IntoArmWorkflow', 'enter', 'inside')));

  it('of a collector out of the parallel around it', async () =>
    expect(await refusal(CollectorWorkflow)).toMatch(words('CollectorWorkflow', 'after')));

  it('the end of the run in a parallel arm', async () =>
    expect(await refusal(FinishInArmWorkflow)).toMatch(words('FinishInArmWorkflow', 'end')));

  it('the end of the run in a loop item', async () =>
    expect(await refusal(FinishInItemWorkflow)).toMatch(words('FinishInItemWorkflow', 'end')));
});
