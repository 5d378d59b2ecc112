/** The door of `nest-durable/dashboard`: what is not named here is not part of its contract. */
export {
  DurableDashboardModule,
  type DashboardOptionsFactory,
  type DurableDashboardAsyncOptions,
} from './dashboard.module.js';
export type {
  Authorize,
  DashboardFactoryOptions,
  DashboardGuard,
  DashboardStaticOptions,
  DashboardTarget,
  DurableDashboardOptions,
} from './dashboard.options.js';
export type { LinkedRun, RunLink } from './http/links.js';
export { DASHBOARD_ACTIONS, type DashboardAction } from './actions.js';
export { roles, type ExtraRoles } from './roles.js';
