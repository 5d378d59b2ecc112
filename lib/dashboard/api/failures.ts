import type { Execution } from '../durable.js';
import type { Window } from './figures.js';

/** Failures that are of one kind. */
export interface FailureGroup {
  readonly workflow: string;
  readonly step: string | null;
  readonly error: string;
  /** The newest one's, with what differs from run to run as `#`. */
  readonly message: string;
  /** The newest one's as it is, cut. */
  readonly sample: string;
  readonly n: number;
  readonly lastAt: Date;
  /** The first one since a twelfth of the window went by without any. */
  readonly since: Date;
  /** How many in each twelfth of the window. */
  readonly spark: readonly number[];
}

const PIECES = 12;
const LONGEST = 400;

type Draft = { -readonly [K in keyof FailureGroup]: FailureGroup[K] } & { spark: number[] };

/** Failures by workflow, step and error, most first. */
export function groupFailures(
  runs: readonly Pick<Execution, 'id' | 'workflow' | 'error' | 'completedAt' | 'updatedAt'>[],
  stepOf: (id: string) => string | null,
  { since, until }: Window,
): FailureGroup[] {
  const groups = new Map<string, Draft>();
  const times = new Map<Draft, number[]>();
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
      sample: error.message.slice(0, LONGEST),
      n: 0,
      lastAt: at,
      since: at,
      spark: Array.from({ length: PIECES }, () => 0),
    };
    groups.set(key, group);
    const all = times.get(group);
    if (all === undefined) times.set(group, [at.getTime()]);
    else all.push(at.getTime());
    group.n++;
    if (at > group.lastAt) {
      group.lastAt = at;
      group.message = plainMessage(error.message);
      group.sample = error.message.slice(0, LONGEST);
    }
    const piece = Math.floor(((at.getTime() - since) / (until - since)) * PIECES);
    if (piece >= 0) group.spark[Math.min(PIECES - 1, piece)] = (group.spark[Math.min(PIECES - 1, piece)] ?? 0) + 1;
  }
  for (const [group, at] of times) group.since = new Date(lastWave(at, (until - since) / PIECES));
  return [...groups.values()].toSorted((a, b) => b.n - a.n || b.lastAt.getTime() - a.lastAt.getTime());
}

/** The same by workflow and error alone, as the kept figures know them; the message is the newest one's. */
export function mergeSteps(groups: readonly FailureGroup[]): Omit<FailureGroup, 'step' | 'since' | 'spark'>[] {
  const merged = new Map<string, FailureGroup>();
  for (const group of groups) {
    const key = `${group.workflow}\n${group.error}`;
    const other = merged.get(key) ?? { ...group, n: 0 };
    merged.set(key, { ...(group.lastAt > other.lastAt ? group : other), n: other.n + group.n });
  }
  return [...merged.values()];
}

/** When the last of the waves began between which so much time goes by without any. */
function lastWave(times: readonly number[], pause: number): number {
  const inOrder = times.toSorted((a, b) => a - b);
  const first = inOrder.findLastIndex((at, i) => i === 0 || at - (inOrder[i - 1] ?? at) > pause);
  return inOrder[first] ?? 0;
}

/** A message without what differs from run to run: ids, numbers, quoted parts. */
export function plainMessage(message: string): string {
  return message
    .slice(0, LONGEST)
    .replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/gi, '#')
    .replace(/"[^"]*"|'[^']*'/g, '#')
    .replace(/\d+/g, '#');
}
