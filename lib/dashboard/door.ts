import type { Logger } from '@nestjs/common';
import { join } from 'node:path';
import { didYouMean } from '../core/did-you-mean.js';
import { ConfigurationError } from '../core/errors/errors.js';
import { DurableClient } from '../client/durable.client.js';
import { DurableEvents } from '../client/durable.events.js';
import { StartsClient } from '../client/starts.js';
import type { DurableHost, DurableRuntime } from '../lifecycle/host.js';
import { DurableQueues, type QueueStats, type QueueStatus, statsOf, statusOf } from '../client/durable.queues.js';
import { boot } from '../lifecycle/boot.js';
import { Closers } from '../lifecycle/closers.js';
import { isRunner } from '../lifecycle/durable.runner.js';
import type { InstanceStorage } from '../lifecycle/storage.js';
import { resolveOptions } from '../options/module.js';
import type { StatsRow } from '../core/run/run-stats.js';
import type { QueueRow } from '../storage/client/queue-control.js';
import type { EndCount, PointsWindow, StatsCount, StatsWindow } from '../storage/reads/run-stats.js';
import type { PgAudit } from '../storage/client/audit.js';
import type { PgBulkActs } from '../storage/client/bulk-acts.js';
import { type Lender, snapshot } from '../storage/connection/transaction.js';
import type { DoctorReport } from '../storage/reads/doctor.js';
import { replicaCheck } from '../storage/reads/doctor-replica.js';
import type { PgPeopleReads } from '../storage/reads/people-reads.js';
import { findViolations, type Violation } from '../storage/reads/verify.js';
import type { PgHistoryReads } from '../storage/reads/history-reads.js';
import type { PgJournalReads } from '../storage/reads/journal-reads.js';
import type { PgLogReads } from '../storage/reads/log-reads.js';
import type { PgReads } from '../storage/reads/reads.js';
import type { PgStandingReads } from '../storage/reads/standing-reads.js';
import type { PgStepReads } from '../storage/reads/step-reads.js';
import type { PgWaitReads } from '../storage/reads/wait-reads.js';
import { packageRoot } from '../storage/package-root.js';

export type { DoctorReport };

/**
 * What the dashboard stands on. Acts go through what the app itself uses, looks through sessions of their own: those that
 * pages are made of on the replica where there is one.
 */
export interface DashboardDoor {
  readonly client: DurableClient;
  readonly queues: DurableQueues;
  readonly events: DurableEvents;
  /** Starts runs anew that were not before, of several calls at a time one. */
  readonly starts: () => Promise<Pick<StartsClient, 'retryOnce' | 'restartOnce'>>;
  /** Of the same, but cut short where they take too long, and never in the way of the work. */
  readonly looks: DashboardLooks;
  /** On the primary in any case: what acts are decided by, and whatever is answered by them. */
  readonly sureLooks: DashboardLooks;
  /** Acts on many runs, between their preview and their end. */
  readonly bulkActs: () => Promise<PgBulkActs>;
  /** Something has happened that people know of: what they look at next must have it. */
  readonly changed: () => void;
  readonly maxPayloadBytes: number;
}

export interface QueueFigures extends Omit<QueueStats, 'paused'>, QueueStatus {
  readonly pausedRuns: number;
  /** ms for which the oldest of the ready ones has been due that no limit of a key or a rate keeps back; 0: there is none. */
  readonly late: number;
}

export interface DashboardLooks {
  readonly client: DurableClient;
  readonly queues: DurableQueues;
  /** Beside what the client has: all that a filter of the dashboard may say. */
  reads(): Promise<PgReads>;
  /** Every queue with how it is set and what is in it, by one look. */
  allQueues(): Promise<QueueFigures[]>;
  /** Figures of runs over time. */
  stats(window: StatsWindow): Promise<StatsRow[]>;
  /** Of each workflow. */
  eachStats(window: PointsWindow): Promise<StatsRow[]>;
  /** How many have ended, of each workflow and with each error. */
  ends(window: StatsWindow): Promise<EndCount[]>;
  /** Their numbers alone. */
  statsCounts(window: StatsWindow): Promise<StatsCount[]>;
  statsErrors(window: Omit<StatsWindow, 'workflow'>): Promise<string[]>;
  people(): Promise<PgPeopleReads>;
  /** The stored schema of a workflow's input, where this process has not the code that checks it; null: none is needed. */
  foreignSchema(workflow: string): Promise<unknown>;
  standing(): Promise<PgStandingReads>;
  /** Attempts and loops of one run, by page. */
  steps(): Promise<PgStepReads>;
  journal(): Promise<PgJournalReads>;
  logs(): Promise<PgLogReads>;
  history(): Promise<PgHistoryReads>;
  waits(): Promise<PgWaitReads>;
  audit(): Promise<PgAudit>;
  /** What doctor says of the database, by the primary in any case; of a replica how late it is. */
  examine(): Promise<DoctorReport>;
  /** What must never be and is, in one snapshot of all that is stored: reads whole tables, for a minute at most. */
  verify(): Promise<Violation[]>;
  /** Time of the database, as this process knows it, ms. */
  now(): Promise<number>;
}

/** ms that one invariant may take. */
const VERIFY_LASTS = 60_000;

/** The instance of that name among an app's providers. @throws ConfigurationError where there is none */
export function findHost(providers: readonly unknown[], name: string): DurableHost {
  const hosts = providers.filter(isRunner);
  const found = hosts.find((host) => host.name === name);
  if (found !== undefined) return found;
  const names = hosts.map((host) => host.name);
  const known = names.length === 0 ? 'there is none: import DurableModule too' : `there are: ${names.join(', ')}`;
  const message = `expected the name of a DurableModule of this app, got '${name}'.${didYouMean(name, names)} Of those ${known}`;
  throw new ConfigurationError([{ path: 'instance', message }]);
}

export function openDoor(host: DurableHost): DashboardDoor {
  const changed = (): void => {
    host.ready().then(
      ({ replica }) => replica?.changed(),
      () => {},
    );
  };
  const sure = lookingAt(host, (runtime) => runtime.readers());
  const sureLooks = looksOf(host, sure, sure);
  return {
    client: new DurableClient(host),
    queues: new DurableQueues(host),
    events: new DurableEvents(host),
    starts: async () => new StartsClient(await host.ready()),
    looks: looksOf(
      host,
      lookingAt(host, (runtime) => runtime.replica ?? runtime.readers()),
      sure,
    ),
    sureLooks,
    bulkActs: async () => (await host.ready()).storage.bulk,
    changed,
    maxPayloadBytes: host.options.maxPayloadBytes,
  };
}

/** @param sure on the primary */
function looksOf(host: DurableHost, looking: DurableHost, sure: DurableHost): DashboardLooks {
  const looks = async (): Promise<InstanceStorage> => (await looking.ready()).storage;
  return {
    client: new DurableClient(looking),
    queues: new DurableQueues(looking),
    reads: async () => (await looks()).reads,
    allQueues: async () => (await (await looks()).queues.queues()).map(figuresOf),
    stats: async (window) => (await looks()).stats.read(window),
    eachStats: async (window) => (await looks()).stats.each(window),
    ends: async (window) => (await looks()).stats.ends(window),
    statsCounts: async (window) => (await looks()).stats.counts(window),
    statsErrors: async (window) => (await looks()).stats.errors(window),
    people: async () => (await looks()).people,
    standing: async () => (await looks()).standing,
    steps: async () => (await looks()).steps,
    journal: async () => (await looks()).journal,
    logs: async () => (await looks()).logs,
    history: async () => (await looks()).history,
    waits: async () => (await looks()).waitReads,
    foreignSchema: async (workflow) => {
      const { storage, registry } = await looking.ready();
      return registry.byName(workflow) === undefined ? storage.people.schemaOf(workflow) : null;
    },
    examine: async () => {
      const { storage, listening, replica } = await sure.ready();
      const report = await storage.examine(host.options.notify ? listening() : null);
      if (replica === null) return report;
      return { ...report, checks: [...report.checks, replicaCheck(await replica.state())] };
    },
    verify: async () => {
      const { readers, schema } = await host.ready();
      return snapshot(readers(VERIFY_LASTS), (query) => findViolations(query, schema));
    },
    audit: async () => (await looks()).audit,
    now: async () => (await (await looks()).reads.now()).getTime(),
  };
}

/** An instance without an app: it starts and looks, and executes nothing. The tables are there already. */
export async function bootAlone(
  { url, replica, schema }: { readonly url: string; readonly replica?: string | undefined; readonly schema: string },
  log: Logger,
): Promise<{ readonly host: DurableHost; close(): Promise<void> }> {
  const readReplica = replica === undefined ? undefined : { url: replica };
  const raw = { database: { url }, readReplica, schema, workers: false, migrations: 'none', logs: { enabled: false } };
  const options = resolveOptions({ ...raw, shutdownTimeout: 1_000, abortGrace: 0 });
  const closers = new Closers((message) => log.warn(message));
  try {
    const runtime = await boot(options, [], () => false, closers, log, new AbortController().signal);
    // Also where its start fails half-way: it goes before the connections that it works with.
    closers.add('the engine', () => runtime.engine.stop());
    await runtime.engine.start();
    return { host: { name: options.name, options, ready: async () => runtime }, close: () => closers.closeAll() };
  } catch (error) {
    await closers.closeAll();
    throw error;
  }
}

/** Where the build of the pages puts them. */
export function pagesFolder(): string {
  return join(packageRoot(), 'dist', 'dashboard', 'ui');
}

/** `paused` is the queue's; of runs that are paused themselves it says `pausedRuns`. */
function figuresOf(row: QueueRow): QueueFigures {
  const { paused: pausedRuns, ...stats } = statsOf(row);
  return { ...stats, ...statusOf(row), pausedRuns, late: row.late };
}

/** The same instance, for looks by way of these sessions. */
function lookingAt(host: DurableHost, lenderOf: (runtime: DurableRuntime) => Lender): DurableHost {
  let seen: { runtime: DurableRuntime; looking: DurableRuntime } | null = null;
  return {
    name: host.name,
    options: host.options,
    async ready() {
      const runtime = await host.ready();
      if (seen?.runtime !== runtime)
        seen = { runtime, looking: { ...runtime, storage: runtime.storage.on(lenderOf(runtime)) } };
      return seen.looking;
    },
  };
}
