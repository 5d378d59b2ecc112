import { actRoutes } from '../api/acts.js';
import { audit } from '../api/audit.js';
import { bulkRoutes } from '../api/bulk.js';
import { cleanup } from '../api/cleanup.js';
import { doctorRoutes } from '../api/doctor.js';
import { exported } from '../api/export.js';
import { family } from '../api/family.js';
import { history } from '../api/history.js';
import { inputRoutes } from '../api/inputs.js';
import { logs } from '../api/logs.js';
import { me } from '../api/me.js';
import { overviewRoutes } from '../api/overview.js';
import { queueActRoutes } from '../api/queue-acts.js';
import { queueRoutes } from '../api/queues.js';
import { runRoutes } from '../api/runs.js';
import { scheduleActRoutes } from '../api/schedule-acts.js';
import { scheduleRoutes } from '../api/schedules.js';
import { stepRoutes } from '../api/steps.js';
import { stream } from '../api/stream.js';
import { suggest } from '../api/suggest.js';
import { workflowRoutes } from '../api/workflows.js';
import type { Route } from './call.js';

/** Everything that is served below `api/`. The first that fits a path is taken: words go before names. */
export const ROUTES: readonly Route[] = [
  me,
  ...overviewRoutes,
  suggest,
  ...runRoutes,
  ...stepRoutes,
  logs,
  history,
  family,
  exported,
  ...inputRoutes,
  ...workflowRoutes,
  ...scheduleRoutes,
  ...queueRoutes,
  audit,
  stream,
  ...actRoutes,
  ...scheduleActRoutes,
  ...queueActRoutes,
  cleanup,
  ...bulkRoutes,
  ...doctorRoutes,
];
