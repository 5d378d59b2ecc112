import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { restore } from './fastify.js';
import { countSegments, type DashboardRequest, pathBelow, queryOf } from './request.js';

/** A request and what is written to in answer, as they come through a framework. */
export interface Exchange {
  readonly request: DashboardRequest;
  /** As the router saw it. */
  readonly url: string;
  readonly response: ServerResponse;
  /** Takes the response from the framework. @returns false: somebody has answered already */
  take(): boolean;
}

interface ExpressRequest extends IncomingMessage {
  readonly route?: { readonly path?: unknown };
  readonly ip?: string;
  readonly body?: unknown;
}

interface FastifyRequest {
  readonly raw: IncomingMessage;
  readonly routeOptions: { readonly url?: string };
  readonly ip?: string;
  readonly headers: IncomingHttpHeaders;
}

interface FastifyReply {
  readonly raw: ServerResponse;
  readonly sent: boolean;
  getHeaders(): Record<string, number | string | readonly string[] | undefined>;
  hijack(): unknown;
}

/** By its looks: neither framework is a dependency of this package. */
export function exchangeOf(request: unknown, response: unknown): Exchange {
  return 'hijack' in (response as object)
    ? ofFastify(request as FastifyRequest, response as FastifyReply)
    : ofExpress(request as ExpressRequest, response as ServerResponse);
}

function ofExpress(request: ExpressRequest, response: ServerResponse): Exchange {
  const url = request.url ?? '/';
  const route = request.route?.path;
  return {
    request: {
      ...shared(request, url, countSegments(typeof route === 'string' ? route : '')),
      ip: request.ip ?? null,
      parsed: request.body,
      native: request,
    },
    url,
    response,
    take: () => !response.headersSent,
  };
}

function ofFastify(request: FastifyRequest, reply: FastifyReply): Exchange {
  const url = request.raw.url ?? '/';
  restore(request.raw);
  return {
    request: {
      ...shared(request.raw, url, countSegments(request.routeOptions.url ?? '')),
      ip: request.ip ?? null,
      // Our routes have a parser of their own, which reads nothing: see fastify.ts.
      parsed: undefined,
      native: request,
    },
    url,
    response: reply.raw,
    take() {
      if (reply.sent) return false;
      reply.hijack();
      // What guards and hooks have set would be lost: `WWW-Authenticate`, cookies.
      for (const [name, value] of Object.entries(reply.getHeaders())) {
        if (value !== undefined) reply.raw.setHeader(name, value);
      }
      return true;
    },
  };
}

/** On a server of Node's own, at the root. */
export function exchangeOfNode(request: IncomingMessage, response: ServerResponse): Exchange {
  const url = request.url ?? '/';
  const ip = request.socket.remoteAddress ?? null;
  return {
    request: { ...shared(request, url, 0), ip, parsed: undefined, native: request },
    url,
    response,
    take: () => !response.headersSent,
  };
}

function shared(raw: IncomingMessage, url: string, segments: number) {
  return {
    method: raw.method ?? 'GET',
    path: pathBelow(url, segments),
    query: queryOf(url),
    headers: raw.headers,
    peer: raw.socket?.remoteAddress,
    stream: raw,
  };
}
