import { type ArgumentsHost, Catch, type ExceptionFilter, Inject, Logger, Optional } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { type Observable, throwError } from 'rxjs';
import { DurableError, type Violation } from '../core/errors/durable-error.js';
import { httpStatusOf } from '../core/errors/http-status.js';
import { read, textOf } from '../core/text-of.js';

/** Body of an answer of `DurableExceptionFilter`. */
export interface DurableErrorBody {
  readonly statusCode: number;
  /** Stable across releases: `EXECUTION_NOT_FOUND`. */
  readonly code: string;
  readonly message: string;
  /** Of a refused input: every fault, with its path. */
  readonly violations?: readonly Violation[];
}

/**
 * Answers this package's errors over HTTP, by their `code`: 400 for what a caller got wrong, 404 for what is not there, 409
 * for what its state stands against, 422 for what cannot be stored, 503 for a database that is away, 500 for the rest,
 * which is logged. All other errors go on to Nest's own handler.
 *
 * The client of a WebSocket gateway is told by the event `exception`: `{ status: 'error', code, message, violations?, cause }`,
 * where `cause` has the pattern and data of its message. A microservice's answer fails with the error, and a GraphQL
 * resolver's is GraphQL's to tell.
 *
 * For `app.useGlobalFilters(new DurableExceptionFilter())`, `{ provide: APP_FILTER, useClass: DurableExceptionFilter }` and
 * `@UseFilters(DurableExceptionFilter)`, on Express, Fastify or any other adapter.
 */
@Catch(DurableError)
export class DurableExceptionFilter implements ExceptionFilter<DurableError> {
  /** Not there where an app makes the filter by itself. */
  @Optional()
  @Inject(HttpAdapterHost)
  private readonly adapterHost?: HttpAdapterHost;

  /** Answers HTTP and WebSocket clients; for a microservice the error goes on as it is, for anything else it is thrown again. */
  catch(error: DurableError, host: ArgumentsHost): Observable<never> | void {
    const kind = host.getType<string>();
    if (kind === 'rpc') return throwError(() => error);
    if (kind !== 'http' && kind !== 'ws') throw error;
    const body = bodyOf(error);
    const isTold = kind === 'http' ? this.reply(host.switchToHttp().getResponse<object>(), body) : tell(host, body);
    if (body.statusCode === 500 || !isTold) new Logger('DurableExceptionFilter').error(error.message, error.stack);
  }

  private reply(response: object, body: DurableErrorBody): true {
    const adapter = this.adapterHost?.httpAdapter;
    // A filter made with `new` is given no adapter: Express and Fastify are answered without one.
    if (adapter !== undefined) {
      if (adapter.isHeadersSent(response)) adapter.end(response);
      else adapter.reply(response, body, body.statusCode);
    } else if (isReply(response)) {
      if (read(response, 'headersSent') === true || read(response, 'sent') === true) end(response);
      else response.status(body.statusCode).send(body);
    } else answerRaw(response, body);
    return true;
  }
}

/**
 * Tells a gateway's client by the event `exception`, in the form of Nest's own handler. Nothing is thrown: no one catches
 * what a filter throws there, and it would end the process.
 * @returns false: nobody knows how to tell it, or it could not be sent
 */
function tell(host: ArgumentsHost, { statusCode: _, ...body }: DurableErrorBody): boolean {
  const ws = host.switchToWs();
  const client: unknown = ws.getClient();
  const payload = { status: 'error', ...body, cause: { pattern: ws.getPattern(), data: ws.getData<unknown>() } };
  const [send, emit] = [read(client, 'send'), read(client, 'emit')];
  try {
    // A plain WebSocket emits to itself, not to its client.
    if (typeof read(client, 'readyState') === 'number' && typeof send === 'function') {
      send.call(client, JSON.stringify({ event: 'exception', data: payload }));
    } else if (typeof emit === 'function') emit.call(client, 'exception', payload);
    else return false;
    return true;
  } catch (thrown) {
    // What came cannot be sent back (a bigint, a cycle), or the client is gone.
    new Logger('DurableExceptionFilter').error(`The client could not be told of ${body.code}: ${textOf(thrown)}`);
    return false;
  }
}

function bodyOf(error: DurableError): DurableErrorBody {
  const { code, message } = error;
  const statusCode = httpStatusOf(code) ?? 500;
  const violations = read(error, 'violations');
  if (!Array.isArray(violations)) return { statusCode, code, message };
  return { statusCode, code, message, violations: violations as readonly Violation[] };
}

/** As Express and Fastify have it, and what takes after them. */
interface Reply {
  status(code: number): { send(body: object): unknown };
}

function isReply(response: object): response is Reply {
  return typeof read(response, 'status') === 'function' && typeof read(response, 'send') === 'function';
}

/** Of `node:http`; adapters have it under `raw` or `res`. */
function answerRaw(response: object, body: DurableErrorBody): void {
  const raw = [response, read(response, 'raw'), read(response, 'res')].find(
    (one): one is RawResponse => typeof read(one, 'writeHead') === 'function',
  );
  if (raw === undefined) {
    throw new TypeError(
      'DurableExceptionFilter does not know this HTTP adapter: provide it as APP_FILTER in place of making it with new.',
    );
  }
  if (raw.headersSent) return void raw.end();
  raw.writeHead(body.statusCode, { 'content-type': 'application/json; charset=utf-8' });
  raw.end(JSON.stringify(body));
}

interface RawResponse {
  readonly headersSent: boolean;
  writeHead(status: number, headers: Record<string, string>): unknown;
  end(body?: string): unknown;
}

function end(response: object): void {
  const finish = read(response, 'end');
  if (typeof finish === 'function') finish.call(response);
}
