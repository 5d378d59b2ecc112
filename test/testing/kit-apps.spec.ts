import { type DynamicModule, Injectable, Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import {
  days,
  DurableClient,
  DurableModule,
  DurableWorkflow,
  hours,
  sleep,
  Step,
  stepManager,
  Workflow,
} from 'nest-durable';
import { createDurableTest } from 'nest-durable/testing';
import { DataSource } from 'typeorm';

const onServer = { databaseUrl: process.env['TEST_SERVER_URL'] };

@Injectable()
class Mailer {
  readonly sent: string[] = [];

  send(to: string): void {
    this.sent.push(to);
  }
}

@Workflow({ name: 'welcome', queue: 'mails' })
class WelcomeWorkflow extends DurableWorkflow<{ to: string }, { to: string }> {
  constructor(private readonly mailer: Mailer) {
    super();
  }

  @Step()
  async welcome({ to }: { to: string }) {
    await sleep(days(7));
    this.mailer.send(to);
  }
}

@Injectable()
class SignUp {
  constructor(private readonly durable: DurableClient) {}

  signUp(to: string) {
    return this.durable.start(WelcomeWorkflow, { to });
  }
}

@Module({
  imports: [
    DurableModule.forRoot({ database: { url: 'postgres://nobody@127.0.0.1:1/nowhere' }, queues: { mails: {} } }),
  ],
  providers: [WelcomeWorkflow, Mailer, SignUp],
})
class AppModule {}

@Module({
  imports: [
    DurableModule.forRootAsync({
      useFactory: () => ({ database: { url: 'postgres://nobody@127.0.0.1:1/nowhere' }, queues: { mails: {} } }),
    }),
  ],
  providers: [WelcomeWorkflow, Mailer, SignUp],
})
class AsyncAppModule {}

@Workflow({ name: 'booked' })
class BookedWorkflow {
  @Step({ transactional: true })
  async book() {
    await stepManager().query('INSERT INTO bookings DEFAULT VALUES');
  }
}

@Workflow({ name: 'stamped' })
class StampedWorkflow {
  @Step()
  stamp() {
    return { stamped: true };
  }
}

/** An app that shares its DataSource, as docs/how-to/shared-data-source.md says. */
function sharing(url: string, workflow: new () => object): DynamicModule {
  const shared = DurableModule.forRootAsync({
    inject: [DataSource],
    useFactory: (dataSource: DataSource) => ({ database: { dataSource } }),
  });
  return {
    module: class SharingModule {},
    imports: [TypeOrmModule.forRoot({ type: 'postgres', url }), shared],
    providers: [workflow],
  };
}

describe('createDurableTest()', () => {
  it.each([
    ['an app module with forRoot()', { imports: [AppModule] }],
    ['an app module with forRootAsync()', { imports: [AsyncAppModule] }],
    ['providers alone', { providers: [WelcomeWorkflow, Mailer, SignUp] }],
    [
      'a module and providers',
      { imports: [DurableModule.forRoot({ queues: { mails: {} } })], providers: [WelcomeWorkflow, Mailer, SignUp] },
    ],
  ])('takes %s', async (_, options) => {
    const test = await createDurableTest(options, onServer);
    const run = await test.get<SignUp>(SignUp).signUp('ann');
    await test.advance(days(7) - 1);
    expect(test.get<Mailer>(Mailer).sent).toEqual([]);
    await test.advance(1);
    expect(test.get<Mailer>(Mailer).sent).toEqual(['ann']);
    expect(await run.result()).toEqual({ to: 'ann' });
    await test.close();
  });

  it('takes the DataSource that the app shares, where it is on the database of the test', async () => {
    const test = await createDurableTest((url) => ({ imports: [sharing(url, BookedWorkflow)] }), onServer);
    const dataSource = test.get<DataSource>(DataSource);
    await dataSource.query('CREATE TABLE bookings (id serial)');
    const run = await dataSource.transaction((manager) => test.client.start(BookedWorkflow, {}, { manager }));
    expect(await run.result()).toEqual({});
    expect(await dataSource.query('SELECT id FROM bookings')).toEqual([{ id: 1 }]);
    await test.close();
  });

  it('leaves a DataSource of another database to the app', async () => {
    const elsewhere = process.env['TEST_SERVER_URL'] ?? '';
    const test = await createDurableTest({ imports: [sharing(elsewhere, StampedWorkflow)] }, onServer);
    const run = await test.client.start(StampedWorkflow, {});
    expect(await run.result()).toEqual({ stamped: true });
    await test.close();
  });

  it('gives each test a database of its own', async () => {
    const [one, two] = await Promise.all([
      createDurableTest({ imports: [AppModule] }, onServer),
      createDurableTest({ imports: [AppModule] }, onServer),
    ]);
    const run = await one.client.start(WelcomeWorkflow, { to: 'ann' });
    await one.advance(days(10));
    expect(await two.client.getExecution(run.id)).toBeNull();
    expect(two.now().getTime()).toBeLessThan(one.now().getTime());
    await Promise.all([one.close(), two.close()]);
  });

  it('moves the clock by years', async () => {
    const test = await createDurableTest({ imports: [AppModule] }, onServer);
    const run = await test.client.start(WelcomeWorkflow, { to: 'ann' }, { delay: days(3650) });
    await test.advance(days(3656));
    expect((await run.execution())?.status).toBe('waiting');
    await test.advance(days(1));
    expect((await run.execution())?.status).toBe('completed');
    await test.close();
  });

  it('restart() without a crash() takes over what was running', async () => {
    const test = await createDurableTest({ imports: [AppModule] }, onServer);
    const run = await test.client.start(WelcomeWorkflow, { to: 'ann' });
    await test.restart();
    await test.advance(days(7));
    expect(await run.result()).toEqual({ to: 'ann' });
    await test.close();
  });

  it('refuses what is done after close()', async () => {
    const test = await createDurableTest({ imports: [AppModule] }, onServer);
    await test.close();
    await expect(test.client.start(WelcomeWorkflow, { to: 'ann' })).rejects.toBeInstanceOf(Error);
    await expect(test.advance(hours(1))).rejects.toThrow('The test is closed');
  });
});
