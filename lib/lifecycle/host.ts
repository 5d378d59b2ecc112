import type { DataSource } from 'typeorm';
import type { ScheduleDeclaration } from '../core/time/schedule.js';
import type { EventHub } from '../events/hub.js';
import type { HintConnection } from './hints.js';
import type { InstanceStorage } from './storage.js';
import type { EngineDeps } from '../engine/worker/engine-deps.js';
import type { Engine } from '../engine/engine.js';
import type { Registry } from '../engine/ports/registry.js';
import type { ResolvedOptions } from '../options/module.js';
import type { PgStore } from '../storage/engine/pg-store.js';
import type { ReadReplica } from '../storage/connection/read-replica.js';
import type { Lender } from '../storage/connection/transaction.js';

/** Host of clients: an instance of the module, or a database alone (the command line). */
export interface ClientHost {
  readonly options: Pick<ResolvedOptions, 'maxPayloadBytes' | 'redact' | 'queues' | 'notify'>;
  ready(): Promise<ClientRuntime>;
}

/** The methods of an engine that clients call. */
export type ClientEngine = Pick<
  Engine,
  | 'startRun'
  | 'isLocal'
  | 'claimsBack'
  | 'onEnded'
  | 'inFlight'
  | 'workerId'
  | 'notifyWork'
  | 'workLater'
  | 'wake'
  | 'woken'
  | 'endedTree'
  | 'runSwitched'
  | 'settingsChanged'
  | 'scheduleChanged'
  | 'sweep'
> & { readonly clock: Pick<Engine['clock'], 'now'> };

/** The parts of a booted instance that clients use. */
export interface ClientRuntime extends Omit<
  DurableRuntime,
  'engine' | 'launched' | 'deps' | 'events' | 'store' | 'schedules' | 'replica'
> {
  readonly engine: ClientEngine;
  readonly deps: Pick<EngineDeps, 'telemetry'>;
  readonly events: Pick<EventHub, 'isWanted' | 'wants' | 'tell'>;
}

/** Host of the injectable services of one instance. They exist before the boot, which brings the runtime. */
export interface DurableHost extends ClientHost {
  readonly name: string;
  readonly options: ResolvedOptions;
  /** True once it is shut down. Default: false. */
  readonly closed?: boolean;
  /** Waits for the boot; rejects with its error when it failed, and with DatabaseUnavailableError after the shutdown. */
  ready(): Promise<DurableRuntime>;
}

/** A booted instance. */
export interface DurableRuntime {
  readonly engine: Engine;
  /** Says that it has begun to work, and goes on saying what stands against that. */
  readonly launched: () => void;
  /** Parts of the engine. The testing kit makes further engines of them, which can die while the app lives. */
  readonly deps: EngineDeps & { readonly hints: HintConnection };
  /** Hub of live events. */
  readonly events: EventHub;
  readonly registry: Registry;
  /** Age of the last commit. */
  readonly store: Pick<PgStore, 'lastCommitAge'>;
  /** Declarations of the classes' `@Schedule()`s. */
  readonly schedules: readonly ScheduleDeclaration[];
  /** The tables, on the sessions that all share which have none of their own. */
  readonly storage: InstanceStorage;
  /** Sessions for what people look at, beside those of the work: see `Connections`. */
  readonly readers: (longest?: number) => Lender;
  /** For what people look at and may be late; null: there is none, and `readers` is what serves. */
  readonly replica: ReadReplica | null;
  readonly schema: string;
  /** The app's DataSource, where the options give one: serves `manager` and `stepManager()`. */
  readonly appDataSource: DataSource | null;
  /** True while hints of other processes arrive; else work is found by polling. */
  readonly listening: () => boolean;
}
