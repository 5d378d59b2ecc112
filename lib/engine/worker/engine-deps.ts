import type { Advice } from '../step/advice.js';
import type { BootContext } from '../ports/boot-context.js';
import type { ChildTargets } from '../ports/children.js';
import type { DatabaseClock } from '../time/clock.js';
import type { MaintenanceJob } from './maintenance.js';
import type { Hints } from '../ports/hints.js';
import type { Observer } from '../ports/observer.js';
import type { QueueSettings, QueueStore } from '../ports/queue-store.js';
import type { Registry } from '../ports/registry.js';
import type { LogSettings } from '../step/log.js';
import type { DeclarationStore, EngineStore, ScheduleStore } from '../ports/store.js';
import type { RunReport } from '../ports/run-report.js';
import type { RunStatsSink } from '../ports/run-stats.js';
import type { Telemetry } from '../ports/telemetry.js';

export interface EngineSettings {
  readonly host: string;
  readonly version: string;
  /** False: this process starts and queries runs but executes none. */
  readonly workers: boolean;
  readonly queues: Readonly<Record<string, QueueSettings>>;
  /** All in ms. */
  readonly leaseTimeout: number;
  readonly heartbeatInterval: number;
  readonly recoveryInterval: number;
  readonly wakeInterval: number;
  readonly wakeBatchSize: number;
  readonly schedulerInterval: number;
  readonly shutdownTimeout: number;
  readonly abortGrace: number;
  readonly maxPayloadBytes: number;
  readonly logs: LogSettings | null;
}

export interface EngineDeps {
  readonly store: EngineStore;
  readonly schedules: ScheduleStore;
  readonly queues: QueueStore;
  /** `schedules`: the declarations of this process that its boot has stored. */
  readonly declarations: { readonly store: DeclarationStore; readonly schedules: readonly number[] };
  /** Further jobs in the background. */
  readonly jobs: readonly MaintenanceJob[];
  readonly registry: Registry;
  readonly settings: EngineSettings;
  readonly hints: Hints;
  readonly targets: ChildTargets;
  /** application_name of the listening session, when the server was seen to show it. */
  readonly sessionName: () => string | null;
  /** In which the engine works, and from which user code is entered. */
  readonly context: BootContext;
  /** Tells of what is lost in silence. */
  readonly advice: Advice;
  /** `cause`: what was thrown, where it is tried again. */
  readonly onTrouble: (message: string, cause?: unknown) => void;
  /** Receives live events. Default: none. */
  readonly observer?: Observer;
  /** Receives metrics and traces. Default: none. */
  readonly telemetry?: Telemetry;
  /** Reports runs in words. Default: none. */
  readonly report?: RunReport;
  /** Adds up figures of runs. Default: none. */
  readonly stats?: RunStatsSink;
  /** Default: one that follows the server's. */
  readonly clock?: DatabaseClock;
}
