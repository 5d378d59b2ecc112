import type { Clients } from './database/client.js';
import type { Database } from './database/database.js';
import type { Reached } from './database/target.js';
import type { Screen } from './output/screen.js';

/** What every command takes. */
export interface GlobalOptions {
  readonly url?: string;
  readonly schema?: string;
  readonly json?: boolean;
  readonly utc?: boolean;
  readonly wide?: boolean;
}

/** Values of options as they were typed: text, true for flags, lists for those that may be given several times. */
export type Options = Readonly<Record<string, string | boolean | readonly string[] | undefined>>;

/** What a command works with; a database is opened by the first that asks for it, and closed when the command is over. */
export interface Context {
  readonly screen: Screen;
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  /** Aborted by Ctrl-C. A command that has only read ends there, whatever it waits for; one that acts ends where nothing is half-done. */
  readonly signal: AbortSignal;
  /** Said before the first act. */
  acts(): void;
  readonly globals: GlobalOptions;
  /** Of all commands. */
  readonly specs: { readonly commands: readonly CommandSpec[]; readonly globalOptions: readonly OptionSpec[] };
  /** Where the database is, connected to or not. */
  reach(): Promise<Reached>;
  database(): Promise<Database>;
  clients(): Promise<Clients>;
}

/** What a command's module exports as `run`. @returns the exit code; nothing: 0 */
export type Run = (context: Context, args: readonly string[], options: Options) => Promise<number | void>;

export interface ArgumentSpec {
  readonly name: string;
  readonly text: string;
  /** Default: it must be given. */
  readonly optional?: boolean;
  /** All that are left. */
  readonly variadic?: boolean;
  readonly choices?: readonly string[];
}

export interface OptionSpec {
  /** As help shows it: `--limit <n>`. */
  readonly flags: string;
  readonly text: string;
  /** May be given several times. */
  readonly several?: boolean;
  /** All that it takes; the command checks it, and says in its own words what is wrong. */
  readonly words?: readonly string[];
  /** Several of them at once, with commas between. */
  readonly commas?: boolean;
}

export interface Example {
  readonly line: string;
  readonly text: string;
}

/** A command as data: the parser, its help, the completion and the reference are made of it. */
export interface CommandSpec {
  readonly name: string;
  /** One line. */
  readonly summary: string;
  /** Further sentences. */
  readonly details?: string;
  readonly arguments?: readonly ArgumentSpec[];
  readonly options?: readonly OptionSpec[];
  readonly examples: readonly Example[];
  /** What Ctrl-C ends it has to close first. Default: all that it has open is closed for it. */
  readonly endsItself?: boolean;
  /** Reads the code only when the command is called. */
  readonly load: () => Promise<{ readonly run: Run }>;
}

/** The text of an option; undefined: it was not given. */
export function text(options: Options, name: string): string | undefined {
  const value = options[name];
  return typeof value === 'string' ? value : undefined;
}

export function texts(options: Options, name: string): readonly string[] {
  const value = options[name];
  return Array.isArray(value) ? (value as readonly string[]) : [];
}

export function flag(options: Options, name: string): boolean {
  return options[name] === true;
}
