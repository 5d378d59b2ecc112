import 'reflect-metadata';
import {
  Catch,
  type DynamicModule,
  type ExceptionFilter,
  type INestApplication,
  Injectable,
  Module,
  type NestInterceptor,
  type PipeTransform,
  type Provider,
  ValidationPipe,
  VersioningType,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { map } from 'rxjs';
import { DurableModule, type DurableModuleOptions } from 'nest-durable';
import { createServer, request as send, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** An app that wraps, filters and checks everything, as apps do. */
@Injectable()
class Wrapping implements NestInterceptor {
  intercept: NestInterceptor['intercept'] = (_context, next) =>
    next.handle().pipe(map((data: unknown) => ({ wrapped: data })));
}

@Catch()
class Rewriting implements ExceptionFilter {
  catch: ExceptionFilter['catch'] = (_exception, host) => {
    const response: { status(code: number): { send(body: object): void } } = host.switchToHttp().getResponse();
    response.status(418).send({ rewritten: true });
  };
}

class Refusing implements PipeTransform {
  transform(): never {
    throw new Error('a pipe has seen it');
  }
}

/** How an app is set up around the dashboard. */
export interface HostKind {
  readonly name: string;
  readonly framework: 'express' | 'fastify';
  readonly settings?: { readonly bodyParser?: boolean };
  prepare?(app: INestApplication): void;
  /** What stands before the dashboard's own path. Default: nothing. */
  readonly prefix?: string;
  /** Behind a proxy that takes this away from the front of each path. */
  readonly proxied?: string;
}

const SETUPS: Omit<HostKind, 'framework'>[] = [
  { name: 'plain' },
  { name: 'with a global prefix', prepare: (app) => void app.setGlobalPrefix('v/api'), prefix: '/v/api' },
  { name: 'with versions in the URI', prepare: (app) => void app.enableVersioning({ type: VersioningType.URI, defaultVersion: '3' }) },
  { name: 'with versions in a header', prepare: (app) => void app.enableVersioning({ type: VersioningType.HEADER, header: 'x-v', defaultVersion: '3' }) },
  {
    name: 'with global pipes, filters and interceptors',
    prepare: (app) =>
      void app
        .useGlobalPipes(new ValidationPipe({ whitelist: true, forbidNonWhitelisted: true }), new Refusing())
        .useGlobalFilters(new Rewriting())
        .useGlobalInterceptors(new Wrapping()),
  },
  { name: 'with CORS for everybody', prepare: (app) => app.enableCors() },
  { name: 'without a body parser', settings: { bodyParser: false } },
  { name: 'behind a proxy on a sub-path', proxied: '/ops/tools' },
]; // prettier-ignore

export const HOSTS: HostKind[] = (['express', 'fastify'] as const).flatMap((framework) =>
  SETUPS.map((setup) => ({ ...setup, framework, name: `${framework} ${setup.name}` })),
);

/** A response with its body as text. */
export interface Got {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly text: string;
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly json: any;
}

export interface Asked {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

export interface RunningApp {
  readonly app: INestApplication;
  /** Path of the dashboard as a client sees it. */
  readonly base: string;
  readonly port: number;
  /** Asks for what is below the dashboard's path, as a command line tool does: without Origin and Sec-Fetch-Site. */
  ask(path: string, asked?: Asked): Promise<Got>;
  close(): Promise<void>;
}

/** Starts an app with these modules and listens on loopback. */
export async function startApp(
  kind: HostKind,
  url: string,
  imports: (DynamicModule | Function)[],
  {
    providers = [],
    path = '/durable',
    workers = false,
    ...options
  }: { providers?: Provider[]; path?: string; workers?: boolean } & Pick<
    DurableModuleOptions,
    'readReplica' | 'redact'
  > = {},
): Promise<RunningApp> {
  const durable = DurableModule.forRoot({ database: { url }, workers, leaseTimeout: 5_000, ...options });
  @Module({ imports: [durable, ...(imports as DynamicModule[])], providers })
  class Root {}
  const settings = { logger: false, abortOnError: false, ...kind.settings } as const;
  const app =
    kind.framework === 'fastify'
      ? await NestFactory.create(Root, new FastifyAdapter(), settings)
      : await NestFactory.create(Root, settings);
  kind.prepare?.(app);
  await app.listen(0, '127.0.0.1');
  const own = (app.getHttpServer() as Server).address() as AddressInfo;
  const proxy = kind.proxied === undefined ? null : await startProxy(own.port, kind.proxied);
  const port = proxy === null ? own.port : (proxy.address() as AddressInfo).port;
  const base = `${kind.proxied ?? ''}${kind.prefix ?? ''}${path}`;
  return {
    app,
    base,
    port,
    ask: (below, asked) => ask(port, `${base}${below}`, asked),
    async close() {
      proxy?.closeAllConnections();
      proxy?.close();
      await app.close();
    },
  };
}

/** One request; a body that is no text goes as JSON. */
export function ask(port: number, path: string, { method = 'GET', headers = {}, body }: Asked = {}): Promise<Got> {
  const text = typeof body === 'string' ? body : body === undefined ? undefined : JSON.stringify(body);
  const type = {
    ...(body !== undefined && typeof body !== 'string' && { 'content-type': 'application/json' }),
    // Of a DELETE Node's client says nothing about its body by itself, which is then none.
    ...(text !== undefined && { 'content-length': String(Buffer.byteLength(text)) }),
  };
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, path, method, headers: { ...type, ...headers }, agent: false } as const;
    const outgoing = send(options, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const got = Buffer.concat(chunks).toString('utf8');
        const { statusCode: status = 0 } = response;
        const flat = Object.fromEntries(Object.entries(response.headers).map(([name, value]) => [name, String(value)]));
        resolve({
          status,
          headers: flat,
          text: got,
          json: got !== '' && /json/.test(flat['content-type'] ?? '') ? JSON.parse(got) : null,
        });
      });
    });
    outgoing.on('error', reject);
    outgoing.end(text);
  });
}

/** Takes `prefix` away and passes the rest on; says nothing of itself, since an app behind a proxy must say who comes in. */
async function startProxy(to: number, prefix: string): Promise<Server> {
  const server = createServer((request, response) => {
    const path = request.url?.startsWith(prefix) === true ? request.url.slice(prefix.length) : '/';
    const options = {
      host: '127.0.0.1',
      port: to,
      path,
      method: request.method,
      headers: request.headers,
      agent: false,
    };
    const onward = send(options, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    onward.on('error', () => response.destroy());
    request.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}
