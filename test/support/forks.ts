import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const loader = fileURLToPath(new URL('./register-ts.mjs', import.meta.url));

/** Characters of its output that are kept. */
const KEPT = 10_000;

/**
 * The environment of the spec file kills the process after it, if it is still there.
 * @param complaint asked for then; not null: fails the file
 */
export function endWithFile(child: ChildProcess, complaint: () => string | null = () => null): void {
  const { testProcesses } = globalThis as unknown as { testProcesses: Map<ChildProcess, () => string | null> };
  testProcesses.set(child, complaint);
}

/** The processes that tests make of one TypeScript file. None outlives the spec file; one that breaks down fails it. */
export class Forks<Told = unknown> {
  private readonly forks: Fork<Told>[] = [];

  /** @param script says with a message that it is up */
  constructor(private readonly script: URL) {}

  /** Those that have not ended. */
  get alive(): Fork<Told>[] {
    return this.forks.filter((one) => !one.isOver);
  }

  /**
   * Resolves when the process is up.
   * @throws Error when it ends before, with what it wrote
   */
  async start(args: readonly string[] = [], env: NodeJS.ProcessEnv = {}): Promise<Fork<Told>> {
    const path = fileURLToPath(this.script);
    const child = fork(path, args, {
      execArgv: ['--import', loader],
      env: { ...process.env, NODE_OPTIONS: '', ...env },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    const one = new Fork<Told>(child, path);
    this.forks.push(one);
    await one.up();
    return one;
  }

  async endAll(): Promise<void> {
    await Promise.all(this.alive.map((one) => one.end('SIGKILL')));
  }
}

export class Fork<Told = unknown> {
  private output = '';
  private message: Told | null = null;
  private ended = false;
  private readonly over: Promise<unknown>;
  private readonly closed: Promise<unknown>;

  constructor(
    private readonly child: ChildProcess,
    private readonly script: string,
  ) {
    endWithFile(child, () => (this.ended || child.exitCode === 0 || !this.isOver ? null : this.obituary()));
    this.over = once(child, 'exit');
    this.closed = once(child, 'close');
    const keep = (chunk: Buffer): void => void (this.output = (this.output + chunk.toString()).slice(-KEPT));
    child.stdout?.on('data', keep);
    child.stderr?.on('data', (chunk: Buffer) => {
      keep(chunk);
      // As text: nest-output.mjs looks at it.
      process.stderr.write(chunk.toString());
    });
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  get exitCode(): number | null {
    return this.child.exitCode;
  }

  get isOver(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  /** What it said when it was up. */
  get told(): Told {
    if (this.message === null) throw new Error(`${this.script} has said nothing yet`);
    return this.message;
  }

  async up(): Promise<void> {
    const said = once(this.child, 'message') as Promise<[Told]>;
    const first = await Promise.race([said, this.closed.then(() => null)]);
    if (first === null) throw new Error(this.obituary());
    [this.message] = first;
  }

  /** Resolves when it has ended by itself. */
  async gone(): Promise<void> {
    await this.over;
  }

  /** Resolves when it has ended. */
  async end(signal: NodeJS.Signals): Promise<void> {
    if (!this.isOver) {
      this.ended = true;
      this.child.kill(signal);
    }
    await this.over;
  }

  private obituary(): string {
    return `${this.script} ended by itself (${this.child.signalCode ?? this.child.exitCode}):\n${this.output}`;
  }
}
