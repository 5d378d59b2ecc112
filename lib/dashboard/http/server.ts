import type { DashboardAction } from '../actions.js';
import type { DashboardTarget } from '../dashboard.options.js';
import type { DashboardServices } from '../services.js';
import { type Answer, html, json, jsonText, refusal, unlessKnown, withETag } from './answer.js';
import type { Assets } from './assets.js';
import { type AuditTarget, AuditTrail, auditTarget } from './audit.js';
import { type Call, findRoute, type Route } from './call.js';
import { CLOSED_STYLE, closedPage } from './closed-page.js';
import { refuseForeign } from './csrf.js';
import { RequestError, toRequestError } from './errors.js';
import { actorOf, type Gate } from './gate.js';
import { bodyRecord, queryRecord, readInput } from './input.js';
import { type DashboardRequest, header, lastSegment, readBody } from './request.js';
import { targetOf } from './target.js';

export interface DashboardServerOptions {
  readonly gate: Gate;
  readonly routes: readonly Route[];
  readonly assets: () => Assets;
  readonly services: DashboardServices;
}

/** A request in, an answer out. Whatever goes wrong is an answer too. */
export class DashboardServer {
  private readonly trail: AuditTrail;
  /** For acts: what they look at is not late. */
  private readonly sure: DashboardServices;

  constructor(private readonly options: DashboardServerOptions) {
    const { audit, sureLooks, warn } = options.services;
    this.sure = { ...options.services, looks: sureLooks };
    this.trail = new AuditTrail(audit, warn);
  }

  /** Never rejects. @param url the address as it was asked for, mount path and all */
  async handle(request: DashboardRequest, url: string): Promise<Answer> {
    try {
      return unlessKnown(await this.answer(request, url), request);
    } catch (error) {
      return this.refuse(this.errorOf(error), request);
    }
  }

  /** What is answered for whatever was thrown. */
  errorOf(thrown: unknown): RequestError {
    return toRequestError(thrown, this.options.services.warn);
  }

  /** The answer to a request that is refused; whoever looks with a browser gets a page. */
  refuse(error: RequestError, request: DashboardRequest): Answer {
    const accept = header(request, 'accept') ?? '*/*';
    const page = request.method === 'GET' && !/^\/(api|assets)(\/|$)/.test(request.path);
    const style = `${baseOf(request.path)}closed.css`;
    if (page && error.code === 'CLOSED' && /text\/html|\*\/\*/.test(accept)) return closedPage('CLOSED', 403, style);
    if (page && error.code === 'FORBIDDEN' && accept.includes('text/html')) {
      return closedPage('FORBIDDEN', error.status, style);
    }
    return refusal(error);
  }

  private async answer(request: DashboardRequest, url: string): Promise<Answer> {
    const { gate, assets } = this.options;
    const { method, path } = request;
    if (method === 'GET' && path === '/closed.css') {
      return { ...html(200, CLOSED_STYLE), headers: { 'Content-Type': 'text/css; charset=utf-8' } };
    }
    gate.enter(request);
    if (!METHODS.includes(method)) return notAllowed(METHODS);
    if (path.startsWith('/api/')) return this.api(request, path.slice('/api/'.length));
    await gate.pass(request, 'any', {});
    if (path === '/api') throw notFound();
    if (method !== 'GET') return notAllowed(['GET']);
    // Relative: a proxy may have put a path of its own before ours.
    if (path === '') return { ...html(307, ''), headers: { Location: `${lastSegment(url)}/` } };
    if (path === '/assets' || path.startsWith('/assets/')) {
      const file = assets().file(path.slice('/assets/'.length), request);
      if (file === null) throw notFound();
      return file;
    }
    return assets().index(depthOf(path));
  }

  private async api(request: DashboardRequest, path: string): Promise<Answer> {
    const { gate, routes } = this.options;
    const found = findRoute(routes, request.method, path.split('/'));
    if ('allowed' in found) {
      await gate.pass(request, 'any', {});
      if (found.allowed.length === 0) throw notFound();
      return notAllowed(found.allowed);
    }
    const { route, params } = found;
    return route.method === 'GET' ? this.read(route, params, request) : this.act(route, params, request);
  }

  private async read(route: Route, params: Record<string, string>, request: DashboardRequest): Promise<Answer> {
    const target = targetOf(route.path, params, request.query, undefined);
    await this.options.gate.pass(request, route.action, target);
    const run = readInput(queryRecord(request.query), (read) => route.prepare(read));
    const found = await run(this.call(request, params, target, () => {}));
    return isAnswer(found) ? found : tagged(found);
  }

  private async act(route: Route, params: Record<string, string>, request: DashboardRequest): Promise<Answer> {
    const { gate, services } = this.options;
    const body = await settle(readBody(request, services.maxPayloadBytes));
    const target = targetOf(route.path, params, request.query, body.value);
    let noted: Noted = { details: {}, target: auditTarget(target) };
    const note: Call['note'] = (details, other) => {
      noted = { details: { ...noted.details, ...details }, target: other ?? noted.target };
    };
    const call = { ...this.call(request, params, target, note), services: this.sure };
    let outcome: 'refused' | 'failed' = 'refused';
    try {
      await gate.pass(request, route.action, target);
      gate.refuseWhereReadOnly();
      refuseForeign(request, services.options.origins);
      outcome = 'failed';
      if (body.error !== undefined) throw body.error;
      queryRecordIsEmpty(request.query);
      const run = readInput(bodyRecord(body.value), (read) => route.prepare(read));
      const found = await run(call);
      const written = route.silent
        ? true
        : await this.trail.add({ ...this.entry(route, call, noted), outcome: 'done' });
      return isAnswer(found) ? found : json(200, written ? found : { ...found, audit: false });
    } catch (thrown) {
      const error = toRequestError(thrown, services.warn);
      // An act on many needs the right to the act as well, which its own handler asks for.
      const became = error.code === 'FORBIDDEN' ? 'refused' : outcome;
      if (!route.silent) await this.trail.add({ ...this.entry(route, call, noted), outcome: became, code: error.code });
      throw error;
    } finally {
      services.changed();
    }
  }

  private entry({ action }: Route, { actor, request }: Call, { details, target }: Noted) {
    const { targetKind, targetId } = target;
    return { actor, action, targetKind, targetId, code: null, details, ip: request.ip };
  }

  private call(
    request: DashboardRequest,
    params: Record<string, string>,
    target: DashboardTarget,
    note: Call['note'],
  ): Call {
    const { gate, services } = this.options;
    return {
      request,
      services,
      params,
      target,
      actor: actorOf(services.options.actor, request.native),
      may: (action: DashboardAction, other = target) => gate.may(request, action, other),
      actions: () => gate.actionsOf(request),
      note,
    };
  }
}

interface Noted {
  readonly details: Readonly<Record<string, unknown>>;
  readonly target: AuditTarget;
}

const METHODS = ['GET', 'POST', 'PATCH', 'DELETE'];

function notAllowed(allowed: readonly string[]): Answer {
  const error = new RequestError(405, 'METHOD_NOT_ALLOWED', `Here go ${allowed.join(', ')}.`);
  const answer = refusal(error);
  return { ...answer, headers: { ...answer.headers, Allow: allowed.join(', ') } };
}

function notFound(): RequestError {
  return new RequestError(404, 'NOT_FOUND', 'There is nothing of that name here.');
}

/** Levels of a page's path below its base. */
function depthOf(path: string): number {
  return Math.max(0, path.split('/').length - 2);
}

function baseOf(path: string): string {
  return depthOf(path) === 0 ? './' : '../'.repeat(depthOf(path));
}

function isAnswer(found: Answer | object): found is Answer {
  return 'status' in found && 'headers' in found && 'body' in found;
}

/** The answer, tagged by what of it says more than the time of the look. */
function tagged(found: object): Answer {
  if (!('now' in found || 'asOf' in found)) return withETag(json(200, found));
  const { now, asOf, ...rest } = found as Record<string, unknown>;
  const [stable, time] = [JSON.stringify(rest), JSON.stringify({ now, asOf })];
  // Put together from both, since a long one takes as long again to write twice.
  const body = [stable, time].map((text) => text.slice(1, -1)).filter((text) => text !== '');
  return withETag(jsonText(200, `{${body.join(',')}}`), stable);
}

function queryRecordIsEmpty(query: string): void {
  readInput(queryRecord(query), () => null);
}

async function settle(work: Promise<unknown>): Promise<{ value: unknown; error?: unknown }> {
  try {
    return { value: await work };
  } catch (error) {
    return { value: undefined, error };
  }
}
