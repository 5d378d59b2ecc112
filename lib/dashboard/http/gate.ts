import { DASHBOARD_ACTIONS, type DashboardAction, isRead } from '../actions.js';
import type { Authorize, DashboardTarget } from '../dashboard.options.js';
import { isLocalHost, isLoopback } from './addresses.js';
import { RequestError } from './errors.js';
import { type DashboardRequest, header } from './request.js';

/** What a route needs; `any`: to be somebody who may do something. */
export type RouteAction = DashboardAction | 'any';

export interface GateOptions {
  /**
   * `app`: the app's guards or `authorize` say who may come in; `closed`: nobody says, so it is open to this machine
   * alone and outside production; `local`: open to this machine alone, whatever the environment.
   */
  readonly door: 'app' | 'closed' | 'local';
  readonly authorize: Authorize | null;
  readonly readOnly: boolean;
}

const FORWARDED = /^(forwarded|x-forwarded-.*|x-real-ip)$/;

/** The one gate that every request goes through: who may come in, and do what. */
export class Gate {
  constructor(private readonly options: GateOptions) {}

  /** @throws RequestError CLOSED */
  enter(request: DashboardRequest): void {
    const { door } = this.options;
    if (door === 'app') return;
    const production = door === 'closed' && process.env['NODE_ENV'] === 'production';
    if (!production && isFromThisMachine(request)) return;
    const why =
      door === 'local'
        ? 'it is served to this machine alone, as localhost, 127.0.0.1 or [::1], and to no proxy.'
        : 'DurableDashboardModule.forRoot() has neither `authorize` nor `guards`.';
    throw new RequestError(403, 'CLOSED', `The dashboard is closed here: ${why}`);
  }

  /** @throws RequestError FORBIDDEN */
  async pass(request: DashboardRequest, action: RouteAction, target: DashboardTarget): Promise<void> {
    const passes = action === 'any' ? await this.maySomething(request) : await this.may(request, action, target);
    if (passes) return;
    const what = action === 'any' ? 'see anything here' : `do this (${action})`;
    throw new RequestError(403, 'FORBIDDEN', `You may not ${what}.`);
  }

  async may(request: DashboardRequest, action: DashboardAction, target: DashboardTarget): Promise<boolean> {
    const { authorize } = this.options;
    if (authorize === null) return true;
    try {
      const answer: unknown = await authorize(request.native, action, target);
      return answer === true;
    } catch {
      // What cannot be decided is not allowed.
      return false;
    }
  }

  /** What whoever asks may do, as far as it does not depend on what it is done to. */
  async actionsOf(request: DashboardRequest): Promise<DashboardAction[]> {
    const asked = this.options.readOnly ? DASHBOARD_ACTIONS.filter(isRead) : DASHBOARD_ACTIONS;
    const answers = await Promise.all(asked.map((action) => this.may(request, action, {})));
    return asked.filter((_, at) => answers[at]);
  }

  /** @throws RequestError READ_ONLY */
  refuseWhereReadOnly(): void {
    if (this.options.readOnly) throw new RequestError(403, 'READ_ONLY', 'This dashboard is read-only.');
  }

  private async maySomething(request: DashboardRequest): Promise<boolean> {
    for (const action of DASHBOARD_ACTIONS) if (await this.may(request, action, {})) return true;
    return false;
  }
}

/** Nobody in between either: a proxy on this machine speaks for others, and a name may be made to lead here. */
function isFromThisMachine(request: DashboardRequest): boolean {
  if (Object.keys(request.headers).some((name) => FORWARDED.test(name))) return false;
  return isLoopback(request.peer) && isLocalHost(header(request, 'host'));
}

/** Whom an act is said to be done by: at most 200 characters; null where nobody says. */
export function actorOf(actor: ((request: unknown) => unknown) | null, native: unknown): string | null {
  try {
    const found = actor === null ? userOf(native) : actor(native);
    const text = typeof found === 'number' || typeof found === 'bigint' ? String(found) : found;
    return typeof text === 'string' && text !== '' ? text.slice(0, LONGEST_ACTOR) : null;
  } catch {
    return null;
  }
}

const LONGEST_ACTOR = 200;

function userOf(native: unknown): unknown {
  const user = (native as { user?: Record<string, unknown> | null } | null)?.user;
  return user?.['email'] ?? user?.['username'] ?? user?.['sub'] ?? user?.['id'];
}
