import { DASHBOARD_ACTIONS, type DashboardAction, ROLE_ACTIONS } from './actions.js';
import type { Authorize } from './dashboard.options.js';
import { ConfigurationError, didYouMean, Faults, given, isObject, listOf } from './durable.js';

/** Roles beside `viewer`, `operator` and `admin`, or in their place: the actions of each. */
export type ExtraRoles = Readonly<Record<string, readonly DashboardAction[]>>;

/**
 * An `authorize` by roles: `viewer` sees all, `operator` acts on runs, inputs, schedules and queues besides, `admin` may
 * do everything. `roleOf` gives the role of whoever asks; null or a role that there is none of is refused.
 *
 * @param roleOf gets the framework's own request
 * @param extra further roles: `{ clerk: ['input.read', 'input.answer'] }`. Default: none
 * @throws ConfigurationError for an action that there is none of
 */
// The request is whatever the app's framework and its guards make of it.
// oxlint-disable-next-line typescript/no-explicit-any
export function roles<R = any>(
  roleOf: (request: R) => string | null | undefined | Promise<string | null | undefined>,
  extra: ExtraRoles = {},
): Authorize<R> {
  const allowed = readRoles(roleOf, extra);
  return async (request, action) => {
    const role = await roleOf(request);
    return typeof role === 'string' && allowed.get(role)?.has(action) === true;
  };
}

function readRoles(roleOf: unknown, extra: unknown): Map<string, ReadonlySet<DashboardAction>> {
  const faults = new Faults();
  if (typeof roleOf !== 'function') faults.expected('roles()', "a function that gives a role's name or null", roleOf);
  const allowed = new Map<string, ReadonlySet<DashboardAction>>();
  for (const [role, actions] of Object.entries(ROLE_ACTIONS)) allowed.set(role, new Set(actions));
  if (!isObject(extra)) faults.expected('roles().extra', 'an object with a list of actions for each role', extra);
  else {
    for (const [role, actions] of Object.entries(extra)) allowed.set(role, readActions(faults, role, actions));
  }
  if (faults.list.length > 0) throw new ConfigurationError(faults.list);
  return allowed;
}

function readActions(faults: Faults, role: string, actions: unknown): ReadonlySet<DashboardAction> {
  const found = new Set<DashboardAction>();
  const list = listOf(actions);
  if (list === null) faults.expected(`roles().extra.${role}`, 'a list of actions', actions);
  for (const action of list ?? []) {
    const known = DASHBOARD_ACTIONS.find((one) => one === action);
    if (known !== undefined) found.add(known);
    else {
      const hint = typeof action === 'string' ? didYouMean(action, DASHBOARD_ACTIONS) : '';
      faults.add(`roles().extra.${role}`, `expected actions, got ${given(action)}.${hint}`);
    }
  }
  return found;
}
