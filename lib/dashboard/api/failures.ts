import type { Execution } from '../durable.js';
import type { Window } from './figures.js';

/** Failures that are of one kind. */
export interface FailureGroup {
  readonly workflow: string;
  readonly step: string | null;
  readonly error: string;
  /** The newest one's, with what differs from run to run as `#`. */
  readonly message: string;
  readonly n: number;
  readonly lastAt: Date;
  /** How many in each twelfth of the window. */
  readonly spark: readonly number[];
}

const PIECES = 12;
const LONGEST = 400;

/** Failures by workflow, step and error, most first. */
export function groupFailures(
  runs: readonly Pick<Execution, 'id' | 'workflow' | 'error' | 'completedAt' | 'updatedAt'>[],
  stepOf: (id: string) => string | null,
  { since, until }: Window,
): FailureGroup[] {
  const groups = new Map<string, { -readonly [K in keyof FailureGroup]: FailureGroup[K] } & { spark: number[] }>();
  for (const { id, workflow, error, completedAt, updatedAt } of runs) {
    if (error === null) continue;
    const step = stepOf(id);
    const at = completedAt ?? updatedAt;
    const key = [workflow, step ?? '', error.name].join('\n');
    const group = groups.get(key) ?? {
      workflow,
      step,
      error: error.name,
      message: plainMessage(error.message),
      n: 0,
      lastAt: at,
      spark: Array.from({ length: PIECES }, () => 0),
    };
    groups.set(key, group);
    group.n++;
    if (at > group.lastAt) {
      group.lastAt = at;
      group.message = plainMessage(error.message);
    }
    const piece = Math.floor(((at.getTime() - since) / (until - since)) * PIECES);
    if (piece >= 0) group.spark[Math.min(PIECES - 1, piece)] = (group.spark[Math.min(PIECES - 1, piece)] ?? 0) + 1;
  }
  return [...groups.values()].toSorted((a, b) => b.n - a.n || b.lastAt.getTime() - a.lastAt.getTime());
}

/** A message without what differs from run to run: ids, numbers, quoted parts. */
export function plainMessage(message: string): string {
  return message
    .slice(0, LONGEST)
    .replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/gi, '#')
    .replace(/"[^"]*"|'[^']*'/g, '#')
    .replace(/\d+/g, '#');
}
