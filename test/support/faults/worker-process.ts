import { type ChildProcess, spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { endWithFile } from '../forks.js';
import type { WorkerLine, WorkerSettings } from './worker.js';

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

export interface ProcessMaking {
  /** Of its environment, beside this process's. */
  readonly env?: NodeJS.ProcessEnv;
  /** As on another machine: no neighbour can see whether the process is there. Needs root; takes SIGKILL only. */
  readonly apart?: boolean;
}

const APART = ['unshare', '--pid', '--fork', '--kill-child'];

/** A process of its own that works on runs, to be stopped, continued and killed. */
export class WorkerProcess {
  readonly lines: WorkerLine[] = [];
  /** What it wrote to stderr: its warnings and errors. */
  complaints = '';
  private readonly changed = new EventEmitter();
  private readonly exited: Promise<unknown>;

  private constructor(private readonly child: ChildProcess) {
    endWithFile(child);
    this.changed.setMaxListeners(0);
    this.exited = once(child, 'close').then(() => this.changed.emit('change'));
    if (child.stdout !== null) {
      createInterface({ input: child.stdout }).on('line', (line) => {
        // Nest's logger writes its warnings to stdout as well.
        if (line.startsWith('{')) this.lines.push(JSON.parse(line) as WorkerLine);
        else this.complaints += `${line}\n`;
        this.changed.emit('change');
      });
    }
    child.stderr?.on('data', (chunk: Buffer) => (this.complaints += chunk.toString()));
  }

  /** Resolves when it is up. */
  static async start(settings: WorkerSettings, making: ProcessMaking = {}): Promise<WorkerProcess> {
    const worker = WorkerProcess.run('./worker.ts', settings, making);
    await worker.says((line) => line.event === 'up');
    return worker;
  }

  /** Runs another script of this folder. */
  static run(script: string, settings: object, { env = {}, apart = false }: ProcessMaking = {}): WorkerProcess {
    const command = [process.execPath, '--import', here('../register-ts.mjs'), here(script), JSON.stringify(settings)];
    const [file = '', ...args] = [...(apart ? APART : []), ...command];
    return new WorkerProcess(
      spawn(file, args, {
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...process.env, NODE_OPTIONS: '', NO_COLOR: '1', ...env },
      }),
    );
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  get ended(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  get signal(): NodeJS.Signals | null {
    return this.child.signalCode;
  }

  /** Until it has said such a line. @throws Error when it ends without */
  async says<L extends WorkerLine>(wanted: (line: WorkerLine) => boolean): Promise<L> {
    for (;;) {
      const line = this.lines.find(wanted);
      if (line !== undefined) return line as L;
      if (this.ended) throw new Error(`the worker ended (${this.signal ?? this.child.exitCode}):\n${this.complaints}`);
      await once(this.changed, 'change');
    }
  }

  send(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Until it is gone by itself. */
  async gone(): Promise<void> {
    await this.exited;
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    if (!this.ended) this.child.kill(signal);
    await this.exited;
  }
}
