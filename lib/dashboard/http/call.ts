import type { DashboardAction } from '../actions.js';
import type { DashboardTarget } from '../dashboard.options.js';
import { nameOfPart } from '../durable.js';
import type { DashboardServices } from '../services.js';
import type { Answer } from './answer.js';
import type { AuditTarget } from './audit.js';
import type { RouteAction } from './gate.js';
import type { InputReader } from './input.js';
import type { DashboardRequest } from './request.js';

/** A request that has come through the gate. */
export interface Call {
  readonly request: DashboardRequest;
  readonly services: DashboardServices;
  /** What stands in the path for the names in the route's. */
  readonly params: Readonly<Record<string, string>>;
  readonly target: DashboardTarget;
  readonly actor: string | null;
  /** Whether whoever asks may do that to this call's target as well, or to another. */
  may(action: DashboardAction, target?: DashboardTarget): Promise<boolean>;
  /** Everything that whoever asks may do. */
  actions(): Promise<DashboardAction[]>;
  /** What the audit row of an act says besides, before it is done. */
  note(details: Readonly<Record<string, unknown>>, target?: AuditTarget): void;
}

export type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE';

/** One line of the table. */
export interface RouteSpec<I> {
  readonly method: Method;
  /** Below `api/`; `:name` stands for one segment. */
  readonly path: string;
  readonly action: RouteAction;
  /** An act that changes nothing: it has no audit row. */
  readonly silent?: true;
  /** Reads the query (GET) or the body. */
  input(read: InputReader): I;
  /** What is answered: an object goes as JSON with status 200. */
  handle(call: Call, input: I): Promise<Answer | object>;
}

/** A line of the table whose input is its own matter. */
export interface Route extends Omit<RouteSpec<unknown>, 'input' | 'handle'> {
  readonly segments: readonly string[];
  /** @throws InvalidInputError */
  prepare(read: InputReader): (call: Call) => Promise<Answer | object>;
}

export function route<I>(spec: RouteSpec<I>): Route {
  const { method, path, action, silent } = spec;
  return {
    method,
    path,
    action,
    ...(silent && { silent }),
    segments: path.split('/'),
    prepare: (read) => {
      const input = spec.input(read);
      return (call) => spec.handle(call, input);
    },
  };
}

/** Of what reads nothing. */
export const nothing = (): null => null;

/** The route of a path's segments; `allowed` has the methods of the path where none fits. */
export function findRoute(
  routes: readonly Route[],
  method: string,
  segments: readonly string[],
): { route: Route; params: Record<string, string> } | { allowed: readonly string[] } {
  const allowed = new Set<string>();
  for (const one of routes) {
    const params = paramsOf(one.segments, segments);
    if (params === null) continue;
    if (one.method === method) return { route: one, params };
    allowed.add(one.method);
  }
  return { allowed: [...allowed] };
}

function paramsOf(pattern: readonly string[], segments: readonly string[]): Record<string, string> | null {
  if (pattern.length !== segments.length) return null;
  const params: Record<string, string> = {};
  for (const [at, part] of pattern.entries()) {
    const segment = segments[at] ?? '';
    if (part.startsWith(':')) {
      const value = nameOfPart(segment);
      // Nothing that is stored has a name with NUL in it.
      if (value === null || value === '' || value.includes('\0')) return null;
      params[part.slice(1)] = value;
    } else if (part !== segment) return null;
  }
  return params;
}
