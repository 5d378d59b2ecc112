import 'reflect-metadata';
import { jest } from '@jest/globals';
import { Controller, Injectable, Logger, Module, type ModuleMetadata, Scope } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compileFunction } from 'node:vm';
import ts from 'typescript';
import * as durable from '../../lib/index.js';
import {
  Branch,
  callWorkflow,
  DurableClient,
  DurableModule,
  type DurableModuleOptions,
  Schedule,
  sleep,
  Step,
  waitForEvent,
  Workflow,
  type WorkflowHandle,
} from '../../lib/index.js';
import { createTestDatabase } from '../support/database.js';
import { until } from '../support/until.js';

/**
 * The mistakes of the first hour, each made for real, with what is said of it: what is wrong, where, and what to do. A text
 * that is changed is read here first.
 */

let url: string;
const heard: string[] = [];
const note = (message: unknown): void => void heard.push(String(message));
const logger = { log() {}, warn: note, error: note };
const apps: { close(): Promise<void> }[] = [];

beforeEach(async () => {
  heard.splice(0);
  ({ url } = await createTestDatabase());
});

afterEach(async () => {
  await Promise.all(apps.splice(0).map((app) => app.close()));
  Logger.overrideLogger(false);
});

interface Asked extends Omit<ModuleMetadata, 'imports'> {
  readonly imports?: NonNullable<ModuleMetadata['imports']>;
  readonly options?: DurableModuleOptions;
}

async function boot({ options, imports, ...metadata }: Asked): Promise<DurableClient> {
  const module = DurableModule.forRoot({ database: { url }, queues: { default: { pollInterval: 100 } }, ...options });
  @Module({ ...metadata, imports: imports ?? [module] })
  class AppModule {}
  const app = await NestFactory.createApplicationContext(AppModule, { logger, abortOnError: false });
  apps.push(app);
  return app.get(DurableClient);
}

/** What stops the boot. */
const bootFault = (asked: Asked): Promise<string> => messageOf(Promise.resolve().then(() => boot(asked)));

async function messageOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'nothing is said',
    (error: unknown) => (error as Error).message,
  );
}

/** What a run of that class says of its end. */
async function runFault(type: new (...args: never[]) => object, input: object = {}): Promise<string> {
  const client = await boot({ providers: [type] });
  const run: WorkflowHandle<unknown> = await client.start(type as never, input as never);
  return messageOf(run.result());
}

/** The class as another compiler gives it. */
function compiled(source: string, options: ts.CompilerOptions): new () => object {
  const { outputText } = ts.transpileModule(source, {
    compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.CommonJS, ...options },
  });
  const exported: Record<string, unknown> = {};
  const run = compileFunction(outputText, ['exports', 'require']) as (exported: object, load: () => object) => void;
  run(exported, () => ({ ...durable, PaymentService }));
  return exported['OrderWorkflow'] as new () => object;
}

@Injectable()
class PaymentService {}

@Workflow()
class OrderWorkflow {
  @Step()
  charge() {}
}

const SOURCE = `
  import { Step, Workflow, PaymentService } from 'nest-durable';
  @Workflow()
  export class OrderWorkflow {
    constructor(private readonly payments: PaymentService) {}
    @Step() charge() { return { paid: this.payments !== undefined }; }
  }`;

interface Mistake {
  readonly make: () => Promise<string>;
  readonly said: string;
}

const MISTAKES: Readonly<Record<string, Mistake>> = {
  'the workflow is not in the providers': {
    make: async () => messageOf((await boot({})).start(OrderWorkflow, {})),
    said:
      'There is no workflow "order". No workflow is registered, and none is stored in the database. List the ' +
      '@Workflow() class in the providers of a module; in a process that only starts runs (an API) it need ' +
      'not be one: there a worker that has it must have booted before, on the same database and schema, ' +
      'which stores its definition.',
  },
  'the module is forgotten': {
    make() {
      @Controller()
      class OrdersController {
        constructor(readonly client: DurableClient) {}
      }
      return bootFault({ imports: [], controllers: [OrdersController] });
    },
    said: `Nest can't resolve dependencies of the OrdersController (?). Please make sure that the argument DurableClient at index [0] is available in the AppModule module.

Potential solutions:
- Is AppModule a valid NestJS module?
- If DurableClient is a provider, is it part of the current AppModule?
- If DurableClient is exported from a separate @Module, is that module imported within AppModule?
  @Module({
    imports: [ /* the Module containing DurableClient */ ]
  })

For more common dependency resolution issues, see: https://docs.nestjs.com/faq/common-errors`,
  },
  'the URL is of another database': {
    make: () => bootFault({ options: { database: { url: 'mysql://root:secret@localhost/orders' } } }),
    said:
      'The configuration cannot be used: database.url: expected a URL such as ' +
      'postgres://user:password@host:5432/database, or postgres://user@/database?host=/folder for a Unix ' +
      'socket, got the string "mysql://***@localhost/orders"',
  },
  'the password is wrong': {
    make: () =>
      withServer(refusing, (port) =>
        bootFault({ options: { database: { url: `postgres://app:secret@127.0.0.1:${port}/orders` } } }),
      ),
    said:
      'The database at 127.0.0.1:<port>/orders cannot be used: it refused user or password (28P01). Check ' +
      'user and password in the option "database" (or DATABASE_URL).',
  },
  'the name of the database is wrong': {
    make: () => bootFault({ options: { database: { url: url.replace(/\/[^/]*$/, '/ordres') } } }),
    said:
      'The database at 127.0.0.1:<port>/ordres cannot be used: database "ordres" does not exist (3D000). ' +
      'Create the database, or give the user the right to it; or check its name in the option "database" (or ' +
      'DATABASE_URL).',
  },
  'an option is misspelled': {
    make: () => bootFault({ options: { queue: { default: {} } } as DurableModuleOptions }),
    said:
      'The configuration cannot be used: queue: is not an option. Did you mean "queues"? Known options: ' +
      'abortGrace, database, heartbeatInterval, isGlobal, leaseTimeout, logs, maxPayloadBytes, migrations, ' +
      'name, notify, poolSize, queues, readReplica, recoveryInterval, redact, report, retention, schedulerInterval, ' +
      'schema, shutdownTimeout, sqlLog, wakeBatchSize, wakeInterval, workers',
  },
  'a step returns a string': {
    make() {
      @Workflow({ name: 'string' })
      class StringWorkflow {
        @Step()
        charge() {
          return 'paid';
        }
      }
      return runFault(StringWorkflow);
    },
    said:
      'Run "<id>" ended as failed: InvalidStepResultError: Step ' +
      '"charge" returned the string "paid". Return an object, which becomes the data, or nothing to keep the ' +
      'data as it is.',
  },
  'a wait outside a step': {
    make: () => messageOf(sleep(10)),
    said:
      'sleep() works only while a step runs. Call it in a step, or in something the step awaits; in tests ' +
      'use runStep().',
  },
  'two workflows of one name': {
    make() {
      @Workflow({ name: 'order' })
      class RefundWorkflow {
        @Step()
        pay() {}
      }
      return bootFault({ providers: [OrderWorkflow, RefundWorkflow] });
    },
    said:
      'The workflows cannot run as they are written: RefundWorkflow: its name "order" is that of ' +
      'OrderWorkflow too: set `name` in one of the two @Workflow()s',
  },
  'a name that no workflow has': {
    make: async () => messageOf((await boot({ providers: [OrderWorkflow] })).start('oder', {})),
    said:
      'There is no workflow "oder". Did you mean "order"? Known workflows: order. List the @Workflow() class ' +
      'in the providers of a module; in a process that only starts runs (an API) it need not be one: there a ' +
      'worker that has it must have booted before, on the same database and schema, which stores its ' +
      'definition.',
  },
  'class-validator is not installed': {
    async make() {
      // Asked for at boot, where a workflow wants it.
      jest.unstable_mockModule('class-validator', () => {
        throw Object.assign(new Error('Cannot find package'), { code: 'ERR_MODULE_NOT_FOUND' });
      });
      class CheckedInput {}
      @Workflow({ name: 'checked', input: CheckedInput })
      class CheckedWorkflow {
        @Step()
        charge() {}
      }
      return bootFault({ providers: [CheckedWorkflow] });
    },
    said:
      'The configuration cannot be used: input: workflow "checked" checks its input with a class, which ' +
      'needs class-validator: npm install class-validator',
  },
  'shutdown hooks are not enabled': {
    async make() {
      const mode = process.env['NODE_ENV'];
      process.env['NODE_ENV'] = 'production';
      try {
        await boot({});
        return await until(() => heard.find((line) => line.includes('SIGTERM')));
      } finally {
        process.env['NODE_ENV'] = mode;
      }
    },
    said:
      'SIGTERM will end this process in the middle of its steps: call app.enableShutdownHooks() in main.ts, ' +
      'so that they can finish and the other runs are handed to another process at once.',
  },
  'a request-scoped workflow': {
    make() {
      @Injectable({ scope: Scope.REQUEST })
      class UserService {}
      @Workflow({ name: 'scoped' })
      class ScopedWorkflow {
        constructor(readonly user: UserService) {}
        @Step()
        charge() {}
      }
      return bootFault({ providers: [UserService, ScopedWorkflow] });
    },
    said:
      'The workflows cannot run as they are written: ScopedWorkflow: it is request-scoped or transient, ' +
      'itself or by something it injects, and a run has no request: make it and what it injects singletons, ' +
      'or get such a provider in the step with ModuleRef',
  },
  'no @Workflow() on the class': {
    make() {
      @Injectable()
      class PlainWorkflow {
        @Step()
        charge() {}
      }
      return bootFault({ providers: [PlainWorkflow] });
    },
    said:
      'The workflows cannot run as they are written: PlainWorkflow: it has @Step() on "charge" but no ' +
      '@Workflow(): add @Workflow() to the class (a subclass does not inherit it), or take the class out of ' +
      'the providers',
  },
  'a bad cron expression': {
    make() {
      @Workflow({ name: 'nightly' })
      @Schedule({ cron: '0 25 * * *' })
      class NightlyWorkflow {
        @Step()
        report() {}
      }
      return bootFault({ providers: [NightlyWorkflow] });
    },
    said:
      'The workflows cannot run as they are written: NightlyWorkflow @Schedule().cron: The cron expression ' +
      '"0 25 * * *" is not valid: constraint error, got value 25 expected range 0-23.',
  },
  'the module twice': {
    make: () =>
      bootFault({
        imports: [DurableModule.forRoot({ database: { url } }), DurableModule.forRoot({ database: { url } })],
      }),
    said:
      `The configuration cannot be used: name: expected a name of its own for each DurableModule, got two of ` +
      `'default'; import the module once (it is global), or give the second a name`,
  },
  'no arm of a branch fits': {
    make() {
      @Workflow({ name: 'branch' })
      class BranchWorkflow {
        @Branch({ invoice: 'pay' })
        byType() {
          return 'contract';
        }
        @Step()
        pay() {}
      }
      return runFault(BranchWorkflow);
    },
    said:
      'Run "<id>" ended as failed: FatalError: Branch "byType" chose ' +
      'the string "contract", and has no arm for it (invoice): add that arm, or a `default`.',
  },
  'a step asks for other waits when it runs again': {
    async make() {
      let passes = 0;
      @Workflow({ name: 'differs' })
      class DiffersWorkflow {
        @Step()
        async wait() {
          passes++;
          await (passes === 1 ? sleep(10) : waitForEvent('paid'));
        }
      }
      const client = await boot({ providers: [DiffersWorkflow] });
      const run = await client.start(DiffersWorkflow, {});
      const paused = await until(async () => {
        const found = await client.getExecution(run.id);
        return found?.status === 'paused' && found;
      });
      return paused.error?.message ?? '';
    },
    said:
      'Step "wait" asked for event "paid" (event:paid:1), where it had asked for a sleep (sleep:sleep:1) ' +
      'before. The run is paused. Ask for the same waits in each pass (put what may change in once()), then ' +
      'resume the run.',
  },
  'a promise in the data': {
    make() {
      @Workflow({ name: 'promise' })
      class PromiseWorkflow {
        @Step()
        charge() {
          return { receipt: Promise.resolve('r-1') };
        }
      }
      return runFault(PromiseWorkflow);
    },
    said:
      'Run "<id>" ended as failed: SerializationError: charge().receipt cannot be stored: it is a ' +
      'promise: await it, and give what it comes to.',
  },
  'emitDecoratorMetadata is off': {
    make: () => bootFault({ providers: [PaymentService, compiled(SOURCE, { experimentalDecorators: true })] }),
    said:
      'The workflows cannot run as they are written: OrderWorkflow: nothing is known of what its constructor ' +
      'takes, so that it would get undefined: set "emitDecoratorMetadata": true in the compilerOptions of ' +
      'tsconfig.json and compile with tsc, nest build, ts-jest or SWC (tsx and esbuild emit no types), or ' +
      'put an @Inject() before each',
  },
  'TC39 decorators': {
    async make() {
      try {
        compiled(SOURCE, {});
        return 'nothing is said';
      } catch (error) {
        return (error as Error).message;
      }
    },
    said:
      '@Step() on "charge" was called as a standard (TC39) decorator, which NestJS does not know. Set ' +
      '"experimentalDecorators": true and "emitDecoratorMetadata": true in the compilerOptions of ' +
      'tsconfig.json, and compile with what reads them: tsc, nest build, ts-jest or SWC.',
  },
  'two files that import each other': {
    make() {
      const NotThereYet = undefined as unknown as typeof OrderWorkflow;
      @Workflow({ name: 'circular' })
      class CircularWorkflow {
        @Step()
        async charge() {
          await callWorkflow(NotThereYet, {});
        }
      }
      return runFault(CircularWorkflow);
    },
    said:
      'Run "<id>" ended as failed: WorkflowNotFoundError: There is no ' +
      'workflow "undefined". Known workflows: circular. It is undefined where it is used: as a rule two ' +
      'files import each other. Give the name of the workflow in its place, or move what both need into a ' +
      'third file.',
  },
  'the port of the embedded server is taken': {
    async make() {
      const dir = await mkdtemp(join(tmpdir(), 'durable-taken-'));
      try {
        return await withServer(
          () => {},
          (port) => bootFault({ options: { database: { embedded: { dir, port } } } }),
        );
      } finally {
        await rm(dir, { recursive: true, force: true });
      }
    },
    said:
      'The configuration cannot be used: database.embedded: port <port> is in use by another program: give ' +
      'another, or none, upon which a free one is taken',
  },
  'a key of the business as the id of a run': {
    make: async () => messageOf((await boot({ providers: [OrderWorkflow] })).start(OrderWorkflow, {}, { id: 'A-1' })),
    said:
      `The options of start() are not valid: id: expected a UUID (a key of the app's own, such as the number ` +
      `of an order, is its idempotencyKey or a tag), got the string "A-1"`,
  },
  'a queue that nobody works on': {
    async make() {
      @Workflow({ name: 'mail', queue: 'mial' })
      class MailWorkflow {
        @Step()
        send() {}
      }
      await boot({ providers: [MailWorkflow], options: { queues: { mail: {} } } });
      return until(() => heard.find((line) => line.includes('mial')));
    },
    said:
      'No live process works on queue "mial", which workflow "mail" names. Its runs would wait. Did you mean ' +
      '"mail"? Start a process with the option queues: { mial: { concurrency: 10 } }.',
  },
  'the input is changed in place': {
    async make() {
      @Workflow({ name: 'in_place' })
      class InPlaceWorkflow {
        @Step()
        charge(order: { paid?: boolean }) {
          order.paid = true;
        }
      }
      const client = await boot({ providers: [InPlaceWorkflow] });
      await (await client.start(InPlaceWorkflow, {})).result();
      return until(() => heard.find((line) => line.includes('in_place')));
    },
    said:
      'Step "charge" of workflow "in_place" changed its input in place and returned nothing: the change is ' +
      'lost, the next step gets the data as it was. Return the changed data, or write it with putContext().',
  },
};

it.each(Object.entries(MISTAKES))('%s', async (_, { make, said }) => {
  expect(anonymous(await make())).toBe(said);
});

/** Ids and ports differ each time. */
function anonymous(text: string): string {
  return text.replace(/[\da-f]{8}-[\da-f]{4}-7[\da-f-]{21}/g, '<id>').replace(/(127\.0\.0\.1:|port )\d+/g, '$1<port>');
}

/** A server of PostgreSQL's protocol that takes no password. */
function refusing(server: Server): void {
  server.on('connection', (socket) => {
    let asked = false;
    socket.on('error', () => {});
    socket.on('data', () => {
      if (asked) {
        const fields =
          ['SFATAL', 'VFATAL', 'C28P01', 'Mpassword authentication failed for user "app"', ''].join('\0') + '\0';
        const length = Buffer.alloc(4);
        length.writeInt32BE(Buffer.byteLength(fields) + 4);
        socket.end(Buffer.concat([Buffer.from('E'), length, Buffer.from(fields)]));
      } else {
        asked = true;
        // AuthenticationCleartextPassword
        socket.write(Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 3]));
      }
    });
  });
}

async function withServer(prepare: (server: Server) => void, work: (port: number) => Promise<string>): Promise<string> {
  const server = createServer();
  prepare(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    return await work((server.address() as AddressInfo).port);
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
}
