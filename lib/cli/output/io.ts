import type { Readable } from 'node:stream';

/** Where text goes to: a stream of the process, or what a test has put in its place. */
export interface Sink {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  readonly rows?: number | undefined;
  /** False: more should be written after 'drain'. */
  write(text: string): boolean;
  once(event: 'drain', listener: () => void): unknown;
}

/** What the process gives a command. */
export interface Io {
  readonly stdout: Sink;
  readonly stderr: Sink;
  readonly stdin: Readable & { readonly isTTY?: boolean | undefined };
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  /** Aborted by Ctrl-C: the command ends at the next place where nothing is half-done. */
  readonly signal: AbortSignal;
}

/** Columns of a terminal. One that says 0, as those that nobody looks at do (`script`, CI), has as many as one that says nothing. */
export function columnsOf({ columns }: Sink): number {
  return columns || 80;
}
