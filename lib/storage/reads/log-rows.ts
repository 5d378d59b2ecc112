import { stepNameOf } from '../../core/definition/definition-path.js';
import { type LogEntry, parseLogText } from '../../core/run/log-entry.js';
import { pathOfOnce } from '../../core/run/once-path.js';
import type { Redaction } from '../../core/redact/redact.js';

/** A row of get-logs.sql; all null: the run has none. */
export interface LogRow {
  readonly seq: number | string | null;
  readonly round: number;
  readonly visit: number;
  readonly attempt: number;
  readonly path: string;
  readonly logs: string;
}

interface Attempt {
  readonly round: number;
  readonly path: string;
  readonly visit: number;
  readonly attempt: number;
}

/** The lines of one record. */
export function entriesOf({ path, attempt, logs }: LogRow, redact: Redaction): LogEntry[] {
  const step = stepNameOf(pathOfOnce(path));
  return parseLogText(logs).map(({ time, level, message, context, metadata, dropped }) => ({
    time: new Date(time),
    level,
    message,
    step,
    attempt,
    ...(context === undefined ? {} : { context }),
    ...(metadata === undefined ? {} : { metadata: redact.fields(metadata) }),
    ...(dropped === undefined ? {} : { dropped }),
  }));
}

/** Log lines of a run's attempts. */
export class AttemptLogs {
  private readonly byAttempt = new Map<string, LogEntry[]>();

  constructor(rows: readonly LogRow[], redact: Redaction) {
    for (const row of rows) {
      if (row.seq === null) continue;
      const key = keyOf({ ...row, path: pathOfOnce(row.path) });
      const entries = entriesOf(row, redact);
      const known = this.byAttempt.get(key);
      if (known === undefined) this.byAttempt.set(key, entries);
      else for (const entry of entries) known.push(entry);
    }
  }

  /** Lines of one attempt, in the order in which they were logged. */
  of(attempt: Attempt): readonly LogEntry[] {
    return this.byAttempt.get(keyOf(attempt)) ?? [];
  }

  /** All of them, or those of one step, by their time; those of one attempt stay in their order. */
  all(step?: string): LogEntry[] {
    return [...this.byAttempt.values()]
      .flat()
      .filter((entry) => step === undefined || entry.step === step)
      .sort((a, b) => a.time.getTime() - b.time.getTime());
  }
}

function keyOf({ round, path, visit, attempt }: Attempt): string {
  return `${round} ${visit} ${attempt} ${path}`;
}
