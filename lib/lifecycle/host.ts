import type { DataSource } from 'typeorm';
import type { ScheduleDeclaration } from '../core/time/schedule.js';
import type { EventHub } from '../events/hub.js';
import type { HintConnection } from './hints.js';
import type { EngineDeps } from '../engine/worker/engine-deps.js';
import type { Engine } from '../engine/engine.js';
import type { Registry } from '../engine/ports/registry.js';
import type { ResolvedOptions } from '../options/module.js';
import type { PgStore } from '../storage/engine/pg-store.js';
import type { Lender } from '../storage/connection/transaction.js';

/** What clients stand on: an instance of the module, or a database alone (the command line). */
export interface ClientHost {
  readonly options: Pick<ResolvedOptions, 'maxPayloadBytes' | 'redact' | 'queues' | 'notify'>;
  ready(): Promise<ClientRuntime>;
}

/** What clients ask of an engine. */
export type ClientEngine = Pick<
  Engine,
  | 'startRun'
  | 'isLocal'
  | 'onEnded'
  | 'inFlight'
  | 'notifyWork'
  | 'workLater'
  | 'wake'
  | 'woken'
  | 'endedTree'
  | 'settingsChanged'
  | 'scheduleChanged'
  | 'sweep'
> & { readonly clock: Pick<Engine['clock'], 'now'> };

/** What clients need once it is booted. */
export interface ClientRuntime extends Omit<
  DurableRuntime,
  'engine' | 'launched' | 'deps' | 'events' | 'store' | 'schedules'
> {
  readonly engine: ClientEngine;
  readonly deps: Pick<EngineDeps, 'telemetry'>;
  readonly events: Pick<EventHub, 'isWanted' | 'wants' | 'tell'>;
}

/** What the injectable services of one instance stand on. They exist before the boot; what they need comes with it. */
export interface DurableHost extends ClientHost {
  readonly name: string;
  readonly options: ResolvedOptions;
  /** Waits for the boot; rejects with its error when it failed, and with DatabaseUnavailableError after the shutdown. */
  ready(): Promise<DurableRuntime>;
}

/** A booted instance. */
export interface DurableRuntime {
  readonly engine: Engine;
  /** Says that it has begun to work, and goes on saying what stands against that. */
  readonly launched: () => void;
  /** What the engine is made of. The testing kit makes further ones of it, which can die while the app lives. */
  readonly deps: EngineDeps & { readonly hints: HintConnection };
  /** Who listens to what happens. */
  readonly events: EventHub;
  readonly registry: Registry;
  /** When it last committed something. */
  readonly store: Pick<PgStore, 'lastCommitAge'>;
  /** What the classes' `@Schedule()`s say. */
  readonly schedules: readonly ScheduleDeclaration[];
  /** The sessions that all share which have none of their own. */
  readonly pool: Lender;
  /** Sessions for what people look at, beside those of the work: see `Connections`. */
  readonly readers: (longest?: number) => Lender;
  readonly schema: string;
  /** The app's DataSource, where the options give one: serves `manager` and `stepManager()`. */
  readonly appDataSource: DataSource | null;
  /** Id of the set of tables: a `manager` must be on a database that has the same. */
  readonly instanceId: string;
  /** Whether hints of other processes arrive at the moment; else work is found by polling. */
  readonly listening: () => boolean;
  /** What a transaction of the app's sends with pg_notify to tell a queue's workers; `null`: they find out by polling. */
  readonly hint: ((queue: string, later: boolean) => { channel: string; payload: string }) | null;
  /** What one that sends an event sends too; `null`: the event is found by polling. */
  readonly unmatchedHint: { readonly channel: string; readonly payload: string } | null;
}
