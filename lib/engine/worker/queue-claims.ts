import { encode } from '../../core/codec/codec.js';
import type { WorkflowDefinition } from '../../core/definition/definition.js';
import { toStoredError } from '../../core/codec/error-record.js';
import { textOf } from '../../core/text-of.js';
import { limitKeyOfStored, workflowOfKey } from './limit-keys.js';
import { Loop } from '../time/loop.js';
import type { KeyLimit, LimitedClaimable, LimitedClaims, QueueStore } from '../ports/queue-store.js';
import type { Registry } from '../ports/registry.js';
import type { Claimable, ClaimedRow, EngineStore, QueueState } from '../ports/store.js';
import type { RunReport } from '../ports/run-report.js';
import type { Telemetry } from '../ports/telemetry.js';

/** ms between two looks at the queues' settings and at what was set aside; hints come sooner. */
const LOOK_INTERVAL = 1_000;
/** Rounds of one claim: each sets keys, or passes over runs whose key has no place. */
const MOST_ROUNDS = 20;

export interface QueueClaimsDeps {
  readonly store: EngineStore;
  readonly queues: QueueStore;
  readonly registry: Registry;
  readonly worker: () => number;
  /** How often all leases of this process have been lost. */
  readonly timesLost: () => number;
  readonly claimable: () => readonly Claimable[];
  /** These queues have something to claim. */
  readonly onWork: (queues: readonly string[]) => void;
  /** Sets what was claimed to work, if no leases have been lost since; gives the rows that are. */
  readonly open: (rows: readonly ClaimedRow[], timesLost: number) => Promise<readonly ClaimedRow[]>;
  /** True when a look by the interval alone is needed. */
  readonly isNeeded?: () => boolean;
  /** Nothing more is let through before so many ms have passed. */
  readonly onRate: (queue: string, inMs: number) => void;
  readonly onTrouble: (message: string, cause?: unknown) => void;
  readonly telemetry?: Telemetry | undefined;
  readonly report?: RunReport | undefined;
}

/**
 * Claims of this process under the queues' states and limits. Duties:
 * - knows which queues are paused or limited, so that it asks for nothing in vain; the statements check it all the same;
 * - claims plainly where nothing is limited, and under the lock of the limited queue or workflow elsewhere;
 * - works out the keys of runs of a limited workflow;
 * - brings back, when a place is free again, the runs that a claim had to set aside: at once where the place was this
 *   process's, by the next look where its holder died.
 */
export class QueueClaims {
  private states = new Map<string, QueueState>();
  /** Keys of the rows that this process has leased. */
  private readonly keys = new Map<string, string>();
  private readonly freed = new Set<string>();
  /** The key up to which the last look at what was set aside came; '': to the end. */
  private lookedAt = '';
  private bringing: Promise<void> = Promise.resolve();
  private readonly looks: Loop;

  constructor(private readonly deps: QueueClaimsDeps) {
    this.looks = new Loop('Reading the queues', LOOK_INTERVAL, () => this.look(), deps.onTrouble, deps.isNeeded);
  }

  get loops(): readonly Loop[] {
    return [this.looks];
  }

  /** Reads the settings, before the first claim. */
  async start(): Promise<void> {
    await this.readStates();
    this.looks.start();
  }

  async stop(): Promise<void> {
    await this.looks.stop();
    await this.bringing;
  }

  /** Reads the settings and looks for free places now. */
  async refresh(): Promise<void> {
    await this.looks.poke();
  }

  /** True when the queue gives rows to claims that don't count; the statements check it again. */
  isOpen(queue: string): boolean {
    const state = this.states.get(queue);
    return state?.paused !== true && state?.limited !== true;
  }

  /** The definitions that are claimed without a look at limits. */
  unlimited(): readonly Claimable[] {
    return this.definitions().filter((one) => one.limit === null);
  }

  /** Claims up to `count` rows and sets them to work; how many there were. */
  async claim(queue: string, count: number): Promise<number> {
    const state = this.states.get(queue);
    if (state?.paused === true) return 0;
    const definitions = this.definitions();
    const plain = definitions.filter((one) => one.limit === null);
    let limited = state?.limited === true;
    if (!limited && plain.length < definitions.length) {
      const some = definitions.filter((one) => one.limit !== null).map((one) => one.id);
      limited = (await this.deps.queues.readyDefinitions(queue, some)).length > 0;
    }
    if (limited) return this.claimLimited(queue, count, definitions);
    if (plain.length === 0) return 0;
    const begun = performance.now();
    const timesLost = this.deps.timesLost();
    const rows = await this.deps.store.claim(this.deps.worker(), queue, count, plain);
    this.measure(queue, begun, rows);
    return rows.length === 0 ? 0 : (await this.deps.open(rows, timesLost)).length;
  }

  /** A run of this process has ended. */
  ended(runId: string): void {
    const key = this.keys.get(runId);
    if (key !== undefined) this.free(key);
  }

  /** Called when runs have ended without a lease: they may have kept a place. */
  endedElsewhere(): void {
    if (this.deps.registry.all().some(({ definition }) => definition.concurrency?.hold === 'run')) void this.refresh();
  }

  /** A row of this process is done with, and its place in the queue is free. */
  release(queue: string, rowId: string): void {
    const key = this.keys.get(rowId);
    this.keys.delete(rowId);
    if (key !== undefined && this.limitOfKey(key)?.whole !== true) this.free(key);
    // Others may have found the queue full.
    if (this.states.get(queue)?.limited === true) this.deps.onWork([queue]);
  }

  private async claimLimited(queue: string, count: number, definitions: LimitedClaimable[]): Promise<number> {
    let got = 0;
    try {
      for (let round = 0; round < MOST_ROUNDS && got < count; round++) {
        const claim = { worker: this.deps.worker(), queue, count: count - got, definitions };
        const begun = performance.now();
        const timesLost = this.deps.timesLost();
        const { rows, unkeyed, blocked, nextInMs } = await this.deps.queues.claimLimited(claim);
        this.measure(queue, begun, rows);
        if (rows.length > 0) got += await this.openKeyed(rows, timesLost);
        if (unkeyed.length > 0) await this.setKeys(unkeyed);
        if (nextInMs !== null) this.deps.onRate(queue, nextInMs);
        if (unkeyed.length === 0 && blocked === 0) break;
      }
    } catch (error) {
      if (got === 0) throw error;
      // Rows that are open here have their places, whatever became of a further round.
      this.deps.onTrouble(`Could not claim more from queue "${queue}"; retrying: ${textOf(error)}`, error);
      this.deps.onWork([queue]);
    }
    return got;
  }

  /** Of one that is not opened no release tells: it is given back by the look at the leases. */
  private async openKeyed(rows: LimitedClaims['rows'], timesLost: number): Promise<number> {
    for (const { rowId, limitKey } of rows) if (limitKey !== null) this.keys.set(rowId, limitKey);
    let opened: ReadonlySet<ClaimedRow> = new Set();
    try {
      opened = new Set(await this.deps.open(rows, timesLost));
    } finally {
      for (const row of rows) if (!opened.has(row)) this.keys.delete(row.rowId);
    }
    return opened.size;
  }

  private measure(queue: string, begun: number, rows: readonly ClaimedRow[]): void {
    const { telemetry } = this.deps;
    if (telemetry === undefined) return;
    const lags = rows.map((row) => row.lagMs ?? 0);
    telemetry.claimed(queue, performance.now() - begun, lags);
  }

  private async setKeys(rows: readonly ClaimedRow[]): Promise<void> {
    const keys: { runId: string; limitKey: string }[] = [];
    for (const { runId, definitionId, input } of rows) {
      const workflow = this.deps.registry.byId(definitionId);
      if (workflow === undefined) continue;
      try {
        keys.push({ runId, limitKey: limitKeyOfStored(workflow, input) });
      } catch (error) {
        // Started where the class is not known, with an input that its key cannot take: for a person to look at.
        const why = encode(toStoredError(error));
        await this.deps.queues.refuseUnkeyed(runId, why);
        this.deps.report?.paused({ runId, workflow: workflow.definition.name }, why);
      }
    }
    if (keys.length > 0) await this.deps.queues.setLimitKeys(keys);
  }

  private definitions(): LimitedClaimable[] {
    return this.deps.claimable().map((one) => {
      const definition = this.deps.registry.byId(one.runAs)?.definition;
      return { workflow: definition?.name ?? '', limit: limitOf(definition), ...one };
    });
  }

  private async look(): Promise<null> {
    await this.readStates();
    const workflows = this.deps.registry
      .all()
      .map(({ definition }) => ({ workflow: definition.name, ...(limitOf(definition) ?? NO_LIMIT) }));
    const { free, last } = await this.deps.queues.blockedKeys(workflows, this.lookedAt);
    this.lookedAt = last ?? '';
    await this.unblock(free);
    return null;
  }

  private async readStates(): Promise<void> {
    this.takeStates(await this.deps.queues.queueStates());
  }

  /** Takes in how the queues are now. */
  takeStates(states: readonly QueueState[]): void {
    const before = this.states;
    this.states = new Map(states.map((state) => [state.queue, state]));
    const opened = [...before.values()].filter(({ queue, paused, limited }) => {
      const now = this.states.get(queue);
      return (paused && now?.paused !== true) || limited !== (now?.limited ?? false);
    });
    if (opened.length > 0) this.deps.onWork(opened.map(({ queue }) => queue));
  }

  /** A place of the key is free. */
  private free(key: string): void {
    this.freed.add(key);
    if (this.freed.size === 1) setImmediate(() => (this.bringing = this.bringing.then(() => this.bringBack())));
  }

  private limitOfKey(limitKey: string): KeyLimit | null {
    return limitOf(this.deps.registry.byName(workflowOfKey(limitKey))?.definition);
  }

  private async bringBack(): Promise<void> {
    const keys = [...this.freed];
    this.freed.clear();
    try {
      await this.unblock(keys);
    } catch (error) {
      // The next look does it.
      this.deps.onTrouble(
        `Could not bring back runs that wait for a place of their workflow; retrying: ${textOf(error)}`,
        error,
      );
    }
  }

  private async unblock(keys: readonly string[]): Promise<void> {
    if (keys.length === 0) return;
    const limited = keys.map((limitKey) => ({ limitKey, ...(this.limitOfKey(limitKey) ?? NO_LIMIT) }));
    const queues = await this.deps.queues.unblock(limited);
    if (queues.length > 0) this.deps.onWork(queues);
  }
}

/** Limit of a workflow that may be gone from the code. */
const NO_LIMIT: KeyLimit = { limit: 2_147_483_647, whole: false };

function limitOf(definition: WorkflowDefinition | undefined): KeyLimit | null {
  const concurrency = definition?.concurrency ?? null;
  return concurrency === null ? null : { limit: concurrency.limit, whole: concurrency.hold === 'run' };
}
