import type { StepRecord } from '../../core/run/execution.js';
import { isFinished } from '../../core/run/status.js';
import type { Context } from '../command.js';
import type { Screen } from '../output/screen.js';
import { type Part, tone } from '../output/text.js';
import { span } from '../output/time.js';
import { follow } from './follow.js';
import { readReport, type Report, reportJson, reportLines, shortReport } from './report.js';
import { statusPart } from './status-look.js';

/** ms between looks, and between two drawings, in which times go on. */
const INTERVAL = 500;

/** Shows a run until it has ended: in place on a terminal, else a line for each change. */
export async function followRun(context: Context, id: string, withData: boolean): Promise<void> {
  const { screen, cwd } = context;
  const clients = await context.clients();
  const show = screen.redraws ? (report: Report) => screen.redraw(shortReport(screen, report, cwd)) : changes(screen);
  await follow(context, INTERVAL, async () => {
    const report = await readReport(clients, id, withData);
    show(report);
    const isOver = isFinished(report.execution.status);
    if (isOver && screen.redraws) whole(screen, report, cwd);
    return isOver;
  });
}

/** In place of what was drawn, however long it is. */
function whole(screen: Screen, report: Report, cwd: string): void {
  screen.redraw([]);
  screen.lines(reportLines(screen, report, cwd));
}

/** What is new since the last time. */
function changes(screen: Screen): (report: Report) => void {
  let status: string | null = null;
  const known = new Map<string, string>();
  return (report) => {
    const { execution, steps } = report;
    const fresh = steps.filter((step) => known.get(keyOf(step)) !== step.status);
    for (const step of steps) known.set(keyOf(step), step.status);
    const changed = execution.status !== status;
    status = execution.status;
    if (screen.isJson) {
      if (changed || fresh.length > 0) screen.jsonLine(reportJson(report));
      return;
    }
    for (const step of fresh) screen.line(...stepLine(screen, step));
    if (changed) screen.line(tone('dim', screen.clock(new Date(screen.now()))), ' ', statusPart(execution.status));
  };
}

function keyOf({ round, path, visit, attempt }: StepRecord): string {
  return `${round} ${visit} ${attempt} ${path}`;
}

function stepLine(
  screen: Screen,
  { path, status, attempt, startedAt, completedAt, durationMs, error }: StepRecord,
): Part[] {
  return [
    tone('dim', screen.clock(completedAt ?? startedAt)),
    ' ',
    path,
    attempt > 1 ? `#${attempt}` : '',
    ` ${status}`,
    durationMs === null ? '' : tone('dim', ` ${span(durationMs)}`),
    error === null ? '' : [' ', tone('red', `${error.name}: ${error.message}`)],
  ];
}
