import {
  Body,
  Controller,
  type DynamicModule,
  Get,
  type INestApplication,
  Logger,
  Module,
  NotFoundException,
  Param,
  Post,
  UseFilters,
} from '@nestjs/common';
import { APP_FILTER, NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import { readdirSync, readFileSync, existsSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { lastValueFrom, type Observable } from 'rxjs';
import * as durable from '../../lib/index.js';
import { DurableExceptionFilter } from '../../lib/index.js';
import { FakeHost } from './fake-host.js';

const run = '0199a1de-0000-7000-8000-000000000000';
const violations = [{ path: 'amount', message: 'expected a number, got undefined' }];
const cause = { name: 'CardError', message: 'declined' };

/** One of each, by the status that it is answered with. */
const ERRORS: readonly (readonly [status: number, error: durable.DurableError])[] = [
  [400, new durable.InvalidInputError('The input of workflow "order"', violations)],
  [404, new durable.ExecutionNotFoundError(run)],
  [404, new durable.ScheduleNotFoundError('nightly')],
  [404, new durable.WorkflowNotFoundError('order', [])],
  [404, new durable.QueueNotFoundError('mail')],
  [409, new durable.ExecutionFinishedError(run, 'completed')],
  [409, new durable.ExecutionNotFinishedError(run, 'retry')],
  [409, new durable.InputNotPendingError(run, 'approve')],
  [409, new durable.AmbiguousInputError(run, 'approve', [])],
  [409, new durable.ScheduleExistsError('nightly')],
  [409, new durable.IdempotencyConflictError('order', 'k', run)],
  [409, new durable.ExecutionExistsError(run)],
  [409, new durable.MailboxFullError(run, 10)],
  [409, new durable.WorkflowFailedError(run, 'failed', cause)],
  [409, new durable.WorkflowCancelledError(run)],
  [409, new durable.ChildWorkflowError('receipt', run, 'failed', cause)],
  [409, new durable.TransactionFailedError('40001', 'could not serialize access')],
  [422, new durable.SerializationError('input.fn', 'it is a function')],
  [422, new durable.InvalidCronError('* *', 'too short')],
  [503, new durable.ResultTimeoutError(run, 5)],
  [503, new durable.DatabaseUnavailableError('PostgreSQL cannot be reached.')],
  [500, new durable.NotInStepError('sleep')],
  [500, new durable.FatalError('no')],
  [500, new durable.ConfigurationError(violations)],
];

/** As the other build of the package makes it: nothing but the mark on the prototype and the code is the same. */
class OtherCopyError extends Error {
  readonly code = 'QUEUE_NOT_FOUND';

  static {
    Object.defineProperty(this.prototype, Symbol.for('nest-durable.error'), { value: true });
  }
}

@Controller()
class ErrorsController {
  @Get('errors/:number')
  fail(@Param('number') number: string) {
    throw ERRORS[Number(number)]?.[1] ?? new Error('secret of the app');
  }

  @Get('other-copy')
  ofOtherCopy() {
    throw new OtherCopyError('there is none');
  }

  @Get('gone')
  gone() {
    throw new NotFoundException('not here');
  }

  @Post('echo')
  echo(@Body() body: object) {
    return body;
  }
}

@Controller('by-class')
@UseFilters(DurableExceptionFilter)
class FilteredController {
  @Get()
  fail() {
    throw new durable.ExecutionNotFoundError(run);
  }
}

@Module({})
class AppModule {
  static with(isProvided: boolean): DynamicModule {
    const providers = isProvided ? [{ provide: APP_FILTER, useClass: DurableExceptionFilter }] : [];
    return { module: AppModule, controllers: [ErrorsController, FilteredController], providers };
  }
}

const logged: string[] = [];
const note = (message: unknown): void => void logged.push(String(message));
const logger = { log() {}, warn: note, error: note };
let app: INestApplication | undefined;

beforeEach(() => logged.splice(0));

afterEach(async () => {
  await app?.close();
  app = undefined;
  Logger.overrideLogger(false);
});

async function open(framework: string, how: string): Promise<string> {
  const module = AppModule.with(how === 'APP_FILTER');
  app =
    framework === 'fastify'
      ? await NestFactory.create(module, new FastifyAdapter(), { logger })
      : await NestFactory.create(module, { logger });
  if (how === 'useGlobalFilters') app.useGlobalFilters(new DurableExceptionFilter());
  await app.listen(0, '127.0.0.1');
  return app.getUrl();
}

async function answer(response: Promise<Response>): Promise<{ status: number; type: string | null; body: unknown }> {
  const { status, headers, ...rest } = await response.then(async (one) => ({
    status: one.status,
    headers: one.headers,
    body: JSON.parse(await one.text()) as unknown,
  }));
  return { status, type: headers.get('content-type')?.split(';')[0] ?? null, body: rest.body };
}

describe.each([
  ['express', 'APP_FILTER'],
  ['express', 'useGlobalFilters'],
  ['fastify', 'APP_FILTER'],
  ['fastify', 'useGlobalFilters'],
])('%s with %s', (framework, how) => {
  it('answers each error by its code', async () => {
    const url = await open(framework, how);
    for (const [number, [status, error]] of ERRORS.entries()) {
      const found = 'violations' in error ? { violations: error.violations } : {};
      expect(await answer(fetch(`${url}/errors/${number}`))).toEqual({
        status,
        type: 'application/json',
        body: { statusCode: status, code: error.code, message: error.message, ...found },
      });
    }
    const faults = ERRORS.filter(([status]) => status === 500).map(([, { message }]) => message);
    expect(logged).toEqual(faults);
  });

  it('answers errors of another copy of the package', async () => {
    const url = await open(framework, how);
    const body = { statusCode: 404, code: 'QUEUE_NOT_FOUND', message: 'there is none' };
    expect(await answer(fetch(`${url}/other-copy`))).toEqual({ status: 404, type: 'application/json', body });
  });

  it('leaves all other errors to Nest', async () => {
    const url = await open(framework, how);
    expect(await answer(fetch(`${url}/errors/999`))).toEqual({
      status: 500,
      type: 'application/json',
      body: { statusCode: 500, message: 'Internal server error' },
    });
    expect(await answer(fetch(`${url}/gone`))).toMatchObject({ status: 404, body: { message: 'not here' } });
    const broken = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{' };
    expect(await answer(fetch(`${url}/echo`, broken))).toMatchObject({ status: 400 });
    expect(await answer(fetch(`${url}/nowhere`))).toMatchObject({ status: 404 });
  });

  it('stands at a controller too', async () => {
    const url = await open(framework, 'neither');
    expect(await answer(fetch(`${url}/by-class`))).toMatchObject({
      status: 404,
      body: { code: 'EXECUTION_NOT_FOUND' },
    });
  });
});

describe('beside Express and Fastify', () => {
  const error = new durable.ExecutionNotFoundError(run);
  const body = { statusCode: 404, code: error.code, message: error.message };
  const sent: unknown[] = [];
  /** As Express has it: nothing but HTTP is answered on it. */
  const http = { status: () => http, send: (one: unknown) => void sent.push(one) };

  it('answers on the response of node:http, whatever an adapter wraps around it', async () => {
    const shapes = [
      (raw: ServerResponse) => raw,
      (raw: ServerResponse) => ({ raw }),
      (res: ServerResponse) => ({ res }),
    ];
    for (const wrapped of shapes) {
      const server = createServer((request, response) => {
        const host = new ExecutionContextHost([request, wrapped(response)]);
        new DurableExceptionFilter().catch(error, host);
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const { port } = server.address() as AddressInfo;
      expect(await answer(fetch(`http://127.0.0.1:${port}`))).toEqual({ status: 404, type: 'application/json', body });
      await new Promise((resolve) => server.close(resolve));
    }
  });

  it('says what to do where it does not know how to answer', () => {
    const host = new ExecutionContextHost([{}, {}]);
    expect(() => new DurableExceptionFilter().catch(error, host)).toThrow(/provide it as APP_FILTER/);
  });

  it('ends an answer that has begun, and adds nothing to it', async () => {
    const server = createServer((request, response) => {
      response.write('begun');
      new DurableExceptionFilter().catch(error, new ExecutionContextHost([request, response]));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    expect(await (await fetch(`http://127.0.0.1:${port}`)).text()).toBe('begun');
    await new Promise((resolve) => server.close(resolve));
  });

  it('is no answer to GraphQL: the error goes on', () => {
    const host = new ExecutionContextHost([{}, {}, http, {}]);
    host.setType('graphql');
    expect(() => new DurableExceptionFilter().catch(error, host)).toThrow(error);
    expect(sent).toEqual([]);
  });

  describe('a gateway', () => {
    const data = { order: 7 };
    const payload = { status: 'error', code: error.code, message: error.message, cause: { pattern: 'cancel', data } };

    /** What its client is told of the error. */
    function told(client: object, thrown: durable.DurableError = error, sentData: object = data): void {
      const host = new ExecutionContextHost([client, sentData, http, 'cancel']);
      host.setType('ws');
      expect(new DurableExceptionFilter().catch(thrown, host)).toBeUndefined();
      expect(sent).toEqual([]);
    }

    it('of Socket.IO emits the error to its client', () => {
      const events: unknown[] = [];
      told({ emit: (...event: unknown[]) => void events.push(event) });
      expect(events).toEqual([['exception', payload]]);
    });

    it('of plain WebSockets sends it, and emits nothing to itself', () => {
      const frames: string[] = [];
      const emit = (): never => {
        throw new Error('an event named as no WebSocket has one');
      };
      told({ readyState: 1, send: (frame: string) => void frames.push(frame), emit });
      expect(frames.map((frame) => JSON.parse(frame) as unknown)).toEqual([{ event: 'exception', data: payload }]);
    });

    it('tells each fault of an input, and logs what nobody got wrong', () => {
      Logger.overrideLogger(logger);
      const events: unknown[] = [];
      const client = { emit: (_: string, event: unknown) => void events.push(event) };
      told(client, new durable.InvalidInputError('The input', violations));
      expect(logged).toEqual([]);
      told(client, new durable.NotInStepError('sleep'));
      expect(events).toMatchObject([{ code: 'INVALID_INPUT', violations }, { code: 'NOT_IN_STEP' }]);
      expect(logged).toEqual([new durable.NotInStepError('sleep').message]);
    });

    it('whose client cannot be told logs it, and throws nothing: that would end the process', () => {
      Logger.overrideLogger(logger);
      told({});
      expect(logged).toEqual([error.message]);
    });

    it('throws nothing either where what came cannot be sent back, or the client is gone', () => {
      Logger.overrideLogger(logger);
      const cycle: { self?: object } = {};
      cycle.self = cycle;
      const gone = (): never => {
        throw new Error('the socket is closed');
      };
      told({ readyState: 1, send() {} }, error, { big: 1n });
      told({ readyState: 1, send() {} }, error, cycle);
      told({ readyState: 3, send: gone });
      told({ emit: gone });
      const why = logged.filter((line) => line.startsWith('The client could not be told of EXECUTION_NOT_FOUND: '));
      expect(why).toEqual([
        expect.stringContaining('BigInt'),
        expect.stringContaining('circular'),
        expect.stringContaining('the socket is closed'),
        expect.stringContaining('the socket is closed'),
      ]);
      expect(logged.filter((line) => line === error.message)).toHaveLength(4);
    });
  });

  it('is no answer to a microservice: its observable fails', async () => {
    const host = new ExecutionContextHost([{}, http]);
    host.setType('rpc');
    const answered = new DurableExceptionFilter().catch(error, host) as Observable<never>;
    await expect(lastValueFrom(answered)).rejects.toBe(error);
    expect(sent).toEqual([]);
  });
});

it('what the client throws is answered: a run that is not there', async () => {
  const host = await FakeHost.open();
  const client = new durable.DurableClient(host);
  const thrown: unknown = await client.cancel(run).catch((error: unknown) => error);
  expect(thrown).toBeInstanceOf(durable.DurableError);
  const response = {
    sent: {},
    status: (statusCode: number) => ({ send: (sent: object) => (answered = { statusCode, sent }) }),
    send() {},
  };
  let answered: object = {};
  new DurableExceptionFilter().catch(thrown as durable.DurableError, new ExecutionContextHost([{}, response]));
  expect(answered).toMatchObject({ statusCode: 404, sent: { code: 'EXECUTION_NOT_FOUND' } });
});

it('every sample that has controllers has it', () => {
  const samples = new URL('../../sample/', import.meta.url);
  const without = readdirSync(samples).filter((sample) => {
    const file = new URL(`${sample}/src/app.module.ts`, samples);
    const source = existsSync(file) ? readFileSync(file, 'utf8') : '';
    return source.includes('controllers:') && !source.includes('useClass: DurableExceptionFilter');
  });
  expect(without).toEqual([]);
});
