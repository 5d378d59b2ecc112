/** Reads. */
const READS = [
  'overview.read',
  'run.read',
  'payload.read',
  'log.read',
  'workflow.read',
  'input.read',
  'event.read',
  'schedule.read',
  'queue.read',
  'doctor.read',
  'audit.read',
] as const;

/** Acts of an operator. */
const OPERATES = [
  'run.start',
  'run.cancel',
  'run.pause',
  'run.resume',
  'run.retry',
  'run.restart',
  'run.hurry',
  'event.send',
  'input.answer',
  'wait.cancel',
  'schedule.trigger',
  'schedule.switch',
  'queue.pause',
  'queue.resume',
] as const;

/** Acts of an admin. */
const ADMINISTERS = ['schedule.write', 'queue.drain', 'run.bulk', 'run.cleanup', 'doctor.verify'] as const;

/** Actions that `authorize` decides about: reads first, then acts. */
export const DASHBOARD_ACTIONS = [...READS, ...OPERATES, ...ADMINISTERS] as const;

/** Something that may be done in the dashboard, `authorize` says by whom. */
export type DashboardAction = (typeof DASHBOARD_ACTIONS)[number];

/** The actions of each role that is always there. */
export const ROLE_ACTIONS: Readonly<Record<'viewer' | 'operator' | 'admin', readonly DashboardAction[]>> = {
  viewer: READS,
  operator: [...READS, ...OPERATES],
  admin: DASHBOARD_ACTIONS,
};

const reads: ReadonlySet<string> = new Set(READS);

/** Whether it changes nothing. */
export function isRead(action: DashboardAction): boolean {
  return reads.has(action);
}
