import {
  Controller,
  type DynamicModule,
  Get,
  Injectable,
  Module,
  type OnModuleDestroy,
  Param,
  Post,
} from '@nestjs/common';
import {
  days,
  DefinitionError,
  DurableClient,
  DurableModule,
  getDurableClientToken,
  InjectDurable,
  Schedule,
  Step,
  Workflow,
} from 'nest-durable';
import { createDurableTest, type DurableTest } from 'nest-durable/testing';
import { databasesOf } from '../support/leak-check.mjs';
import { onTestServer } from './support.js';

@Injectable()
class Mailer implements OnModuleDestroy {
  closed = false;

  send(_to: string): string {
    throw new Error('no mail from tests');
  }

  onModuleDestroy() {
    this.closed = true;
  }
}

@Workflow({ name: 'welcome', queue: 'mail' })
class WelcomeWorkflow {
  constructor(private readonly mailer: Mailer) {}

  @Step()
  mail(data: { to: string }) {
    return { ...data, sent: this.mailer.send(data.to) };
  }
}

@Controller('users')
class UsersController {
  constructor(@InjectDurable() private readonly durable: DurableClient) {}

  @Post(':name')
  async create(@Param('name') to: string) {
    const run = await this.durable.start(WelcomeWorkflow, { to });
    return { id: run.id };
  }

  @Get(':id')
  async look(@Param('id') id: string) {
    return { status: (await this.durable.getExecution(id))?.status };
  }
}

@Module({
  providers: [
    Mailer,
    { provide: WelcomeWorkflow, useFactory: (mailer: Mailer) => new WelcomeWorkflow(mailer), inject: [Mailer] },
  ],
})
class UsersModule {}

/** As in production: its own database, other options. */
@Module({
  imports: [
    DurableModule.forRootAsync({
      useFactory: () => ({
        database: { url: 'postgres://nobody@nowhere.invalid/app' },
        schema: 'app',
        maxPayloadBytes: 400,
      }),
    }),
    UsersModule,
  ],
  controllers: [UsersController],
})
class AppModule {}

describe('the module of an app', () => {
  const sent: string[] = [];
  let test: DurableTest;

  beforeAll(async () => {
    test = await createDurableTest(
      {
        imports: [AppModule],
        override: (builder) =>
          builder.overrideProvider(Mailer).useValue({ send: (to: string) => `mail ${sent.push(to)}`, closed: false }),
      },
      onTestServer,
    );
    await test.app.listen(0, '127.0.0.1');
  });

  afterAll(() => test.close());

  it('runs on the database of the test, with fakes and its own controllers', async () => {
    const url = await test.app.getUrl();
    const answer = await fetch(`${url}/users/ann`, { method: 'POST' });
    const { id } = (await answer.json()) as { id: string };
    await test.idle();
    expect(sent).toEqual(['ann']);
    expect(await (await fetch(`${url}/users/${id}`)).json()).toEqual({ status: 'completed' });
    expect(await test.client.handle(id).result()).toEqual({ to: 'ann', sent: 'mail 1' });
  });

  it('keeps its options', async () => {
    expect(test.get(getDurableClientToken())).toBe(test.client);
    await expect(test.client.start(WelcomeWorkflow, { to: 'x'.repeat(500) })).rejects.toMatchObject({
      code: 'SERIALIZATION',
    });
  });
});

describe('createDurableTest', () => {
  let test: DurableTest;

  afterEach(() => test.close());

  it('finds a DurableModule that is promised, as an async forRoot() does', async () => {
    class LaterModule {
      static async forRoot(): Promise<DynamicModule> {
        return { module: LaterModule, imports: [DurableModule.forRoot({ maxPayloadBytes: 50 })] };
      }
    }
    test = await createDurableTest({ imports: [UsersModule, LaterModule.forRoot()] }, onTestServer);
    await expect(test.client.start(WelcomeWorkflow, { to: 'x'.repeat(60) })).rejects.toMatchObject({
      code: 'SERIALIZATION',
    });
  });

  it('takes options for the module, and controllers', async () => {
    test = await createDurableTest(
      {
        controllers: [UsersController],
        imports: [UsersModule],
        durable: { queues: { mail: { concurrency: 1 } }, maxPayloadBytes: 50 },
      },
      onTestServer,
    );
    const mailer = test.get(Mailer);
    expect(test.get(UsersController)).toBeInstanceOf(UsersController);
    await expect(test.client.start(WelcomeWorkflow, { to: 'x'.repeat(60) })).rejects.toMatchObject({
      code: 'SERIALIZATION',
    });
    await test.close();
    expect(mailer.closed).toBe(true);
    await expect(test.client.executionCounts()).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
  });

  it('works on every queue that a workflow, a step or a schedule names', async () => {
    test = await createDurableTest({ providers: [QueuesWorkflow] }, onTestServer);
    await test.advance(days(1));
    expect(await test.client.listExecutions()).toMatchObject([{ queue: 'nightly', status: 'completed' }]);
    const run = await test.client.start(QueuesWorkflow, {});
    await test.idle();
    expect(await run.execution()).toMatchObject({ queue: 'own', status: 'completed' });
  });

  it('leaves no database behind where the app does not start', async () => {
    let url = '';
    const made = createDurableTest((given) => {
      url = given;
      return { providers: [Broken] };
    }, onTestServer);
    await expect(made).rejects.toThrow(DefinitionError);
    expect(await databasesOf(new URL(url).pathname.slice(1))).toEqual([]);
  });
});

@Workflow({ name: 'queues', queue: 'own' })
@Schedule({ cron: '@daily', queue: 'nightly' })
class QueuesWorkflow {
  @Step({ queue: 'heavy' })
  work() {}
}

@Workflow({ name: 'broken' })
class Broken {
  @Step({ transactional: true })
  book() {}
}
