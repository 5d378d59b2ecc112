import { Logger } from '@nestjs/common';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { resolveDashboardOptions } from './dashboard.options.js';
import { bootAlone } from './door.js';
import { packageVersion, textOf, withDeadline } from './durable.js';
import { send } from './http/answer.js';
import { exchangeOfNode } from './http/frameworks.js';
import { Gate } from './http/gate.js';
import { ROUTES } from './http/routes.js';
import { DashboardServer } from './http/server.js';
import { type DashboardServices, servicesOf } from './services.js';
import { builtAssets } from './ui-folder.js';

export interface StandaloneOptions {
  /** Of the database, whose tables are those of this version. */
  readonly url: string;
  /** URL of a replica, for pages; none: they are read from the database. */
  readonly replica?: string | undefined;
  readonly schema: string;
  /** A name or address of this machine that nobody else reaches: `127.0.0.1`. */
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
  readonly readOnly: boolean;
  /** At the top of each page; null: nothing. */
  readonly title: string | null;
  /** Whom audit rows name. */
  readonly actor: string;
  readonly warn: (message: string) => void;
}

export interface Standalone {
  /** Where it is. */
  readonly url: string;
  /** Ends the streams, lets requests end, and lets go of the database. */
  close(): Promise<void>;
}

/** ms that requests under way get at the end. */
const LAST_REQUESTS = 2_000;

/**
 * Serves the dashboard of a database by itself: no app, no code of workflows, no workers. Whoever asks must be on this
 * machine, and may do everything. Where it fails nothing of it stays open.
 * @throws ConfigurationError for options that are wrong
 * @throws Error of the socket (`EADDRINUSE`, `EACCES`) where it cannot listen there
 * @throws DatabaseUnavailableError, MigrationError
 */
export async function serveAlone(options: StandaloneOptions): Promise<Standalone> {
  const { url, replica, schema, readOnly, title, actor, warn } = options;
  const checked = resolveDashboardOptions({ readOnly, title, actor: () => actor }, null);
  // The port before the database: it is taken sooner than anybody waits for a database.
  const handler: { handle: (request: IncomingMessage, response: ServerResponse) => void } = {
    handle: (_request, response) => void response.writeHead(503, { 'Retry-After': '1' }).end(),
  };
  const server = createServer((request, response) => handler.handle(request, response));
  let booted: Awaited<ReturnType<typeof bootAlone>> | null = null;
  let services: DashboardServices | null = null;
  const close = async (): Promise<void> => {
    services?.streams.close();
    services?.bulk.stop();
    await closeServer(server);
    await booted?.close();
  };
  try {
    await listen(server, options);
    booted = await bootAlone({ url, replica, schema }, new Talk(warn));
    services = servicesOf(booted.host, checked, packageVersion(), warn);
    const gate = new Gate({ door: 'local', authorize: null, readOnly });
    const dashboard = new DashboardServer({ gate, routes: ROUTES, assets: builtAssets, services });
    handler.handle = (request, response) => void answer(dashboard, request, response, warn);
    return { url: addressOf(server, options.host), close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function answer(
  dashboard: DashboardServer,
  request: IncomingMessage,
  response: ServerResponse,
  warn: (message: string) => void,
): Promise<void> {
  const exchange = exchangeOfNode(request, response);
  try {
    send(await dashboard.handle(exchange.request, exchange.url), response);
  } catch (error) {
    warn(`An answer could not be sent: ${textOf(error)}`);
    response.destroy();
  }
}

function listen(server: Server, { host, port }: Pick<StandaloneOptions, 'host' | 'port'>): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

async function closeServer(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => void server.close(() => resolve()));
  server.closeIdleConnections();
  await withDeadline(closed, LAST_REQUESTS);
  server.closeAllConnections();
}

function addressOf(server: Server, host: string): string {
  const { port } = server.address() as AddressInfo;
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}/`;
}

/** What the engine has to say, to whoever has called the command: warnings, and nothing else. */
class Talk extends Logger {
  constructor(private readonly tell: (message: string) => void) {
    super('nest-durable');
  }

  override log(): void {}

  override debug(): void {}

  override warn(message: unknown): void {
    this.tell(textOf(message));
  }

  override error(message: unknown): void {
    this.tell(textOf(message));
  }
}
