import { Injectable } from '@nestjs/common';
import { DurableWorkflow, sleep, Step, Workflow, workflowInput } from 'nest-durable';
import { createDurableTest, type DurableTest } from 'nest-durable/testing';
import { ClsModule, ClsService, type ClsStore } from 'nestjs-cls';

/** What docs/how-to/user-id-in-logs.md does: the user's id goes along as data, and is put into the context of a step there. */

interface UserStore extends ClsStore {
  userId: string;
}

@Injectable()
class Audit {
  constructor(private readonly cls: ClsService<UserStore>) {}

  /** Whatever a step calls. */
  user(): string | undefined {
    return this.cls.get('userId');
  }
}

@Workflow({ name: 'process_order' })
class OrderWorkflow extends DurableWorkflow<{ userId: string }, object> {
  constructor(
    private readonly cls: ClsService<UserStore>,
    private readonly audit: Audit,
  ) {
    super();
  }

  @Step()
  without() {
    return { found: [this.audit.user() ?? 'nobody'] };
  }

  @Step()
  with({ found }: { found: string[] }) {
    return this.asUser(async () => {
      const before = this.audit.user();
      await sleep(1_000);
      return { found: [...found, before, this.audit.user()] };
    });
  }

  private asUser<T>(work: () => T): T {
    const { userId } = workflowInput<{ userId: string }>();
    return this.cls.runWith({ userId }, work);
  }
}

let test: DurableTest;

beforeAll(async () => {
  const imports = [ClsModule.forRoot({ global: true })];
  const databaseUrl = process.env['TEST_SERVER_URL'];
  test = await createDurableTest({ imports, providers: [OrderWorkflow, Audit] }, { databaseUrl });
});

afterAll(() => test.close());

it('a step finds the id of the user whose request has started the run, and nothing of who is there by chance', async () => {
  const cls = test.get(ClsService);
  const run = await cls.runWith({ userId: 'somebody by chance' }, () =>
    test.client.start(OrderWorkflow, { userId: 'ann' }),
  );
  await cls.runWith({ userId: 'another' }, () => test.advance(1_000));
  expect(await run.result()).toEqual({ found: ['nobody', 'ann', 'ann'] });
});
