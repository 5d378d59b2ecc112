import type { Execution } from '../../core/run/execution.js';
import { isFinished } from '../../core/run/status.js';
import type { Screen } from '../output/screen.js';
import type { Column } from '../output/table.js';
import { type Part, tone } from '../output/text.js';
import { span } from '../output/time.js';
import { statusPart, tookMs } from './status-look.js';

/** Characters of an id that are as good as always enough to name it. */
const SHORT_ID = 18;

/** A list of runs. */
export function runColumns(screen: Screen): Column<Execution>[] {
  return [
    { title: 'STATUS', of: (run) => statusPart(run.status) },
    { title: 'WORKFLOW', of: (run) => run.workflow, least: 12 },
    { title: 'RUN', of: (run) => run.id, short: (run) => run.id.slice(0, SHORT_ID), shortenAt: 3 },
    { title: 'STARTED', of: (run) => screen.ago(run.createdAt) },
    { title: 'TOOK', of: (run) => took(run, screen.now()), align: 'right', drop: 1 },
    { title: 'QUEUE', of: (run) => run.queue, drop: 4, least: 8 },
    { title: 'WHERE', of: (run) => whereOf(run), least: 16, drop: 2 },
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
