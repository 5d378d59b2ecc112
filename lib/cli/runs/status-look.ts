import type { Execution } from '../../core/run/execution.js';
import type { ExecutionStatus } from '../../core/run/status.js';
import { type Part, type Tone, tone } from '../output/text.js';

/** A glyph of its own shape for each status, so that it is never told by colour alone. */
const LOOKS: Readonly<Record<ExecutionStatus, readonly [glyph: string, tone: Tone]>> = {
  pending: ['○', 'dim'],
  running: ['▶', 'blue'],
  waiting: ['◷', 'yellow'],
  paused: ['‖', 'magenta'],
  completed: ['✓', 'green'],
  failed: ['✗', 'red'],
  cancelled: ['⊘', 'dim'],
  compensating: ['↶', 'magenta'],
  compensated: ['↩', 'magenta'],
  compensation_failed: ['▲', 'red'],
};

export function glyphOf(status: ExecutionStatus): Part {
  const [glyph, name] = LOOKS[status];
  return tone(name, glyph);
}

/** Glyph and word. */
export function statusPart(status: ExecutionStatus): Part {
  const [glyph, name] = LOOKS[status];
  return [tone(name, glyph), ' ', tone(name, status.replace('_', ' '))];
}

/** ms between the first claim and the end, or now; null: it has not begun. */
export function tookMs({ startedAt, completedAt, compensatedAt }: Execution, now: number): number | null {
  if (startedAt === null) return null;
  const end = compensatedAt ?? completedAt;
  return Math.max(0, (end?.getTime() ?? now) - startedAt.getTime());
}
