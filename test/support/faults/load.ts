import {
  DatabaseUnavailableError,
  type DurableClient,
  ExecutionFinishedError,
  ExecutionNotFoundError,
  InputNotPendingError,
  type WorkflowHandle,
} from 'nest-durable';
import { setTimeout as pause } from 'node:timers/promises';

/** Workflows of the fault tests that a load starts, with their input. All of them complete. */
const INPUTS = {
  three: { ms: 20 },
  life: {},
  booking: {},
  waits: { n: 3 },
  quick_parent: { count: 3 },
} as const;

export type LoadKind = keyof typeof INPUTS;

export interface LoadOptions {
  /** Workflows, started in turn. Default: all. */
  readonly kinds?: readonly LoadKind[];
  /** ms that the longer steps take. Default: 20. */
  readonly ms?: number;
  /** ms from one start to the next of the same lane. Default: 100. */
  readonly pace?: number;
  /** Send events and answers again until their run has ended, as a caller must where the database may lose what it took. */
  readonly insistent?: boolean;
  /** Starts under way at once: one that gets no answer holds up its lane only. Default: 4. */
  readonly lanes?: number;
}

/**
 * A client at work while faults befall the engine: it starts runs, sends them the events and answers they wait for, and
 * waits for their results. What gets no answer because the database is away is asked again, as a caller would.
 */
export class Load {
  /** Runs whose start was acknowledged. */
  readonly runs: WorkflowHandle[] = [];
  /** What `result()` told of each: `completed`, or the name of its error. */
  readonly told = new Map<string, string>();
  /** Answers that were accepted a second time, with no loss in between: one of the two was told falsely. */
  readonly false: string[] = [];
  /** Starts that were refused, so that nothing is known of them. */
  refused = 0;
  private losses = 0;
  private stopped = false;
  private abandoned = false;
  private count = 0;
  private readonly lanes: readonly Promise<void>[];
  private readonly attending = new Set<Promise<void>>();
  /** Runs that wait for an event and an answer. */
  private readonly waiting = new Set<string>();

  constructor(
    private readonly client: DurableClient,
    private readonly options: LoadOptions = {},
  ) {
    this.lanes = Array.from({ length: options.lanes ?? 4 }, () => this.lane());
  }

  /** From now on the database may not have what it acknowledged before: what was told of ends is asked again. */
  lost(): void {
    this.losses += 1;
    const ended = this.runs.filter(({ id }) => this.told.delete(id));
    for (const run of ended) this.begin(run);
  }

  /** Goes no further, whatever is left: nothing more comes of it. */
  abandon(): void {
    this.stopped = true;
    this.abandoned = true;
  }

  /** Starts no more. Resolves when every start has its answer. */
  async stop(): Promise<void> {
    this.stopped = true;
    await Promise.all(this.lanes);
  }

  /** Resolves when every run has been told its result. */
  async settled(): Promise<void> {
    await Promise.all(this.attending);
  }

  private async lane(): Promise<void> {
    const { kinds = Object.keys(INPUTS) as LoadKind[], pace = 100, ms } = this.options;
    while (!this.stopped) {
      const kind = kinds[this.count++ % kinds.length] ?? 'three';
      try {
        const run = await this.client.start(kind, { ...INPUTS[kind], ...(ms === undefined ? {} : { ms }) });
        this.runs.push(run);
        if (kind === 'waits') this.waiting.add(run.id);
        this.begin(run);
      } catch (error) {
        if (!(error instanceof DatabaseUnavailableError)) throw error;
        this.refused += 1;
      }
      await pause(pace);
    }
  }

  private begin(run: WorkflowHandle): void {
    const attending = this.attend(run).finally(() => this.attending.delete(attending));
    this.attending.add(attending);
  }

  private async attend(run: WorkflowHandle): Promise<void> {
    if (this.waiting.has(run.id)) void this.serve(run);
    let told;
    let before;
    do {
      before = this.losses;
      told = await this.insist(() => run.result().then(() => 'completed', nameOfEnd));
      // What was asked before a loss may have been answered by what was lost, and been on its way.
    } while (this.losses !== before && !this.abandoned);
    this.told.set(run.id, told ?? 'nothing');
  }

  /** Gives a run what it waits for; insistently: until it has ended, since what was taken may be lost again. */
  private async serve(run: WorkflowHandle): Promise<void> {
    const isOver = (): boolean => this.told.has(run.id);
    let acceptedAfter = -1;
    do {
      await this.insist(() => run.sendEvent('paid', 7, { dedupeKey: 'paid' }), isOver);
      const before = this.losses;
      const accepted = await this.insist(() => this.answer(run), isOver);
      // A call that lasts from before a loss until after it may have been answered by either history.
      if (accepted === true && this.losses === before) {
        if (acceptedAfter === before) this.false.push(`run ${run.id} took two answers`);
        acceptedAfter = before;
      }
      await pause(this.options.insistent === true ? 500 : 0);
    } while (this.options.insistent === true && !this.abandoned && !isOver());
  }

  /** False: it is not asked for, or was answered before; only an insistent load goes on then. */
  private answer(run: WorkflowHandle): Promise<boolean> {
    return run.provideInput('ok', true).then(
      () => true,
      (error: unknown) => {
        if (error instanceof InputNotPendingError && this.options.insistent === true) return false;
        throw error;
      },
    );
  }

  /** Until it is answered; null where there is nothing to answer any more. */
  private async insist<T>(ask: () => Promise<T>, isOver = (): boolean => false): Promise<T | null> {
    while (!this.abandoned && !isOver()) {
      try {
        return await ask();
      } catch (error) {
        if (error instanceof ExecutionFinishedError || error instanceof ExecutionNotFoundError) return null;
        if (!(error instanceof DatabaseUnavailableError || error instanceof InputNotPendingError)) throw error;
        await pause(100);
      }
    }
    return null;
  }
}

/** @throws what is no answer */
function nameOfEnd(error: unknown): string {
  if (error instanceof DatabaseUnavailableError) throw error;
  return (error as Error).name;
}
