import type { IncomingMessage } from 'node:http';

interface FastifyInstance {
  addHook(name: 'onRequest', hook: (request: HookRequest, reply: unknown, done: () => void) => void): unknown;
  hasContentTypeParser(type: string): boolean;
  addContentTypeParser(
    type: string,
    parser: (request: HookRequest, stream: unknown, done: (error: null, body: undefined) => void) => void,
  ): unknown;
}

interface HookRequest {
  readonly raw: IncomingMessage;
  readonly routeOptions?: { readonly config?: Readonly<Record<string, unknown>> };
}

/** In the config of our routes. */
export const OUR_ROUTE = 'nestDurableDashboard';
/** A type that nobody sends: its parser leaves the body unread. */
const UNREAD = 'application/x-nest-durable-unread';
const BODILESS: ReadonlySet<string> = new Set(['GET', 'HEAD']);
const types = new WeakMap<IncomingMessage, string | undefined>();

/**
 * Has the dashboard read its bodies itself. Fastify parses a body before any guard is asked, refuses an act without one
 * whose content type is JSON, and has its own words for what is wrong.
 */
export function leaveBodiesAlone(instance: unknown): void {
  const fastify = instance as FastifyInstance;
  if (fastify.hasContentTypeParser(UNREAD)) return;
  fastify.addContentTypeParser(UNREAD, (request, _stream, done) => {
    restore(request.raw);
    done(null, undefined);
  });
  fastify.addHook('onRequest', (request, _reply, done) => {
    const { raw } = request;
    if (request.routeOptions?.config?.[OUR_ROUTE] === true && !BODILESS.has(raw.method ?? '')) {
      types.set(raw, raw.headers['content-type']);
      raw.headers['content-type'] = UNREAD;
    }
    done();
  });
}

/** Gives the request the content type back that it came with. */
export function restore(raw: IncomingMessage): void {
  if (!types.has(raw)) return;
  const type = types.get(raw);
  types.delete(raw);
  if (type === undefined) delete raw.headers['content-type'];
  else raw.headers['content-type'] = type;
}
