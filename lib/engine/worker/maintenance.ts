import { Loop } from '../time/loop.js';

/** Something done every so often in the background, of which nothing depends on the time it is done at. */
export interface MaintenanceJob {
  /** In messages, such as "Retention failed; retrying". */
  readonly name: string;
  /** ms */
  readonly interval: number;
  /** Of no interest to the app: it is not among the loops of its `SchedulerRegistry`. Default: false. */
  readonly isInternal?: boolean;
  readonly run: (stopped: AbortSignal) => Promise<void>;
}

/** Runs the maintenance jobs of a process, each in a loop of its own: a long one keeps none of the others waiting. */
export class Maintenance {
  readonly loops: readonly Loop[];
  private readonly stopping = new AbortController();

  constructor(jobs: readonly MaintenanceJob[], onTrouble: (message: string, cause?: unknown) => void) {
    this.loops = jobs.map(({ name, interval, run }) => {
      const turn = async (): Promise<null> => {
        await run(this.stopping.signal);
        return null;
      };
      return new Loop(name, interval, turn, onTrouble);
    });
  }

  start(): void {
    for (const loop of this.loops) loop.start();
  }

  /** Does everything now. */
  async poke(): Promise<void> {
    await Promise.all(this.loops.map((loop) => loop.poke()));
  }

  /** A job under way ends with the piece it is at. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await Promise.all(this.loops.map((loop) => loop.stop()));
  }
}
