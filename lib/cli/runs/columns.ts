import type { Execution } from '../../core/run/execution.js';
import { isFinished } from '../../core/run/status.js';
import type { ShortIds } from '../database/short-ids.js';
import type { Screen } from '../output/screen.js';
import type { Column } from '../output/table.js';
import { type Part, tone } from '../output/text.js';
import { span } from '../output/time.js';
import { statusPart, tookMs } from './status-look.js';

/** A list of runs. */
export function runColumns(screen: Screen, ids: ShortIds): Column<Execution>[] {
  return [
    { title: 'STATUS', of: (run) => statusPart(run.status) },
    { title: 'WORKFLOW', of: (run) => run.workflow, least: 12 },
    { title: 'RUN', of: (run) => run.id, short: (run) => ids.of(run.id), shortenAt: 4 },
    { title: 'STARTED', of: (run) => screen.ago(run.createdAt), drop: 1 },
    { title: 'TOOK', of: (run) => took(run, screen.now()), align: 'right', drop: 2 },
    { title: 'QUEUE', of: (run) => run.queue, drop: 5, least: 8 },
    { title: 'WHERE', of: (run) => whereOf(run), least: 16, drop: 3 },
  ];
}

function took(run: Execution, now: number): string {
  const ms = tookMs(run, now);
  return ms === null ? '' : span(ms);
}

/** Where it stands, or why it ended as it did. */
export function whereOf({ status, error, currentSteps, scheduledAt }: Execution): Part {
  if (error !== null && status !== 'completed') return tone('dim', `${error.name}: ${error.message}`);
  if (isFinished(status)) return '';
  if (currentSteps.length > 0) return currentSteps.join(', ');
  return status === 'pending' && scheduledAt !== null ? 'scheduled' : '';
}
