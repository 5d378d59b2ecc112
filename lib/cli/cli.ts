import { isDurableError, listViolations } from '../core/errors/durable-error.js';
import { read, textOf } from '../core/text-of.js';
import type { Context, GlobalOptions } from './command.js';
import { COMMANDS, GLOBAL_OPTIONS } from './commands.js';
import type { Clients } from './database/client.js';
import type { Database } from './database/database.js';
import { Failure, Interrupted } from './failure.js';
import { columnsOf, type Io } from './output/io.js';
import { Screen } from './output/screen.js';
import { render } from './output/text.js';
import type { Call } from './program.js';
import { packageVersion } from './version.js';
import { inWords } from './words.js';

/** Exit code of a command that Ctrl-C has ended: 128 and the number of the signal, as shells have it. */
const INTERRUPTED = 130;

/** Runs one command line. @returns the exit code: 0, 1 (refused, not found, failed), 2 (called in a wrong way) */
export async function runCli(argv: readonly string[], io: Io): Promise<number> {
  try {
    const call = await readCall(argv, io);
    return call === null ? 0 : await execute(call, io);
  } catch (error) {
    if (error instanceof Interrupted || (io.signal.aborted && !(error instanceof Failure))) {
      // The terminal has written `^C` where the cursor stood.
      if (io.stderr.isTTY === true) io.stderr.write('\n');
      return INTERRUPTED;
    }
    io.stderr.write(`nest-durable: ${render(inWords(await withAdvice(lineOf(error), error)), false)}\n`);
    return error instanceof Failure ? error.exitCode : 1;
  }
}

async function readCall(argv: readonly string[], io: Io): Promise<Call | null> {
  const { parse, WrongCall } = await import('./program.js');
  try {
    return await parse(argv, {
      out: (text) => io.stdout.write(text),
      columns: columnsOf(io.stdout),
      version: packageVersion(),
    });
  } catch (error) {
    if (!(error instanceof WrongCall)) throw error;
    throw new Failure(`${error.message}. ${error.help}.`, 2);
  }
}

async function execute({ spec, args, options, globals }: Call, io: Io): Promise<number> {
  const screen = new Screen(io, {
    json: globals.json === true,
    utc: globals.utc === true,
    wide: globals.wide === true,
  });
  const opened = new Opened(globals, io, screen);
  try {
    const { run } = await spec.load();
    const code = run(opened, args, options);
    return (await (spec.endsItself === true ? code : Promise.race([code, opened.interrupted]))) ?? 0;
  } finally {
    screen.clearProgress();
    await opened.close();
  }
}

/** What a command has opened. */
class Opened implements Context {
  private opening: Promise<Database> | null = null;
  private using: Promise<Clients> | null = null;
  private hasActed = false;
  /** Rejects with Ctrl-C, unless something may be half-done. */
  readonly interrupted: Promise<never>;

  constructor(
    readonly globals: GlobalOptions,
    private readonly io: Io,
    readonly screen: Screen,
  ) {
    this.interrupted = new Promise((_, reject) => {
      const interrupt = (): void => {
        if (!this.hasActed) reject(new Interrupted());
      };
      io.signal.addEventListener('abort', interrupt, { once: true });
    });
    // Of a command that nobody interrupts while it only reads there is nobody who waits for it.
    this.interrupted.catch(() => {});
  }

  get env(): NodeJS.ProcessEnv {
    return this.io.env;
  }

  get cwd(): string {
    return this.io.cwd;
  }

  readonly specs = { commands: COMMANDS, globalOptions: GLOBAL_OPTIONS };

  get signal(): AbortSignal {
    return this.io.signal;
  }

  acts(): void {
    this.hasActed = true;
  }

  async reach(): Promise<Awaited<ReturnType<Context['reach']>>> {
    const { reach } = await import('./database/target.js');
    const { url, schema } = this.globals;
    return reach({ url, schema }, this.env, this.cwd, (line) => this.screen.say(line));
  }

  database(): Promise<Database> {
    this.opening ??= this.open();
    return this.opening;
  }

  clients(): Promise<Clients> {
    this.using ??= this.use();
    return this.using;
  }

  /** Sends what waits to be sent, and lets go of all. */
  async close(): Promise<void> {
    await this.using?.then((clients) => clients.close()).catch(() => {});
    await this.opening?.then((database) => database.close()).catch(() => {});
  }

  private async open(): Promise<Database> {
    const reached = await this.reach();
    const { openDatabase } = await import('./database/database.js');
    const database = await openDatabase(reached);
    this.screen.now = () => database.now();
    return database;
  }

  private async use(): Promise<Clients> {
    const [database, { openClients }] = await Promise.all([this.database(), import('./database/client.js')]);
    return openClients(database);
  }
}

/** One line that says what is wrong and what to do. */
function lineOf(error: unknown): string {
  const violations = read(error, 'violations');
  if (isDurableError(error) && Array.isArray(violations) && violations.length > 1) {
    const [what = ''] = error.message.split('\n');
    return `${what} ${listViolations(violations).trim().replace(/^- /, '').replaceAll('\n  - ', '; ')}`;
  }
  return textOf(error);
}

/** SQLSTATE: a right is missing. */
const FORBIDDEN = '42501';

/** What the database says of itself names no command: with the one that says what helps. */
async function withAdvice(line: string, error: unknown): Promise<string> {
  if (error instanceof Failure) return line;
  const { isConnectionError, serverAnswer } = await import('../storage/connection/connection-errors.js');
  const isForbidden = serverAnswer(error)?.code === FORBIDDEN;
  if (!isForbidden && read(error, 'code') !== 'DATABASE_UNAVAILABLE' && !isConnectionError(error)) return line;
  const advice = isForbidden ? 'names the rights that the role lacks' : 'says what is wrong with the database';
  return `${line.replace(/\.?$/, '.')} nest-durable doctor ${advice}.`;
}
