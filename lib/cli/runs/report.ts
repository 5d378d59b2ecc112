import { ExecutionNotFoundError } from '../../core/errors/errors.js';
import type { Execution, StepRecord } from '../../core/run/execution.js';
import type { LogEntry } from '../../core/run/log-entry.js';
import { isFinished } from '../../core/run/status.js';
import type { DurableClient } from '../../client/durable.client.js';
import { payloadJson } from '../output/json.js';
import type { Screen } from '../output/screen.js';
import { type Part, tone } from '../output/text.js';
import { span } from '../output/time.js';
import { errorLines } from './error-lines.js';
import { logLine } from './log-line.js';
import { statusPart, tookMs } from './status-look.js';
import { treeLines } from './tree-lines.js';

/** Log lines that `inspect` shows. */
const LAST_LINES = 8;

/** All that `inspect` says of a run. */
export interface Report {
  readonly execution: Execution;
  readonly steps: readonly StepRecord[];
  readonly logs: readonly LogEntry[];
  readonly children: number;
  /** Whether payloads are shown. */
  readonly withData: boolean;
}

/** @throws ExecutionNotFoundError */
export async function readReport(client: DurableClient, id: string, withData: boolean): Promise<Report> {
  const execution = await client.getExecution(id);
  if (execution === null) throw new ExecutionNotFoundError(id);
  const [steps, logs, counts] = await Promise.all([
    client.getSteps(id, { includeData: withData }),
    client.getLogs(id),
    client.childCounts([id]),
  ]);
  return { execution, steps, logs, children: counts[id] ?? 0, withData };
}

export function reportJson({ execution, steps, logs, children, withData }: Report): object {
  const { input, data, ...rest } = execution;
  return { ...rest, ...(withData ? { input, data } : {}), children, steps, logs: logs.slice(-LAST_LINES) };
}

export function reportLines(screen: Screen, report: Report, cwd: string): Part[] {
  const { execution, steps, logs, withData } = report;
  const { status, error } = execution;
  const now = screen.now();
  const round = steps.filter((step) => step.round === execution.round);
  const earlier = execution.round > 1 ? tone('dim', `  round ${execution.round}; earlier ones: --json`) : '';
  return [
    statusPart(status),
    '',
    ...headLines(screen, report),
    ...section(['Steps', earlier], treeLines(round, now, !isFinished(status))),
    ...(error === null || status === 'completed' ? [] : section('Error', errorLines(error, cwd))),
    ...(withData ? section('Input', jsonLines(execution.input)) : []),
    ...(withData ? section(status === 'completed' ? 'Result' : 'Data', jsonLines(execution.data)) : []),
    ...(withData ? section('Returned', returnedLines(round)) : []),
    ...section(
      'Last log lines',
      logs.slice(-LAST_LINES).map((entry) => ['  ', ...logLine(screen, entry)]),
    ),
  ];
}

function headLines(screen: Screen, { execution, children }: Report): Part[] {
  const { workflow, id, queue, priority, tags, startedAt, createdAt, completedAt, compensatedAt, scheduledAt } =
    execution;
  const ended = compensatedAt ?? completedAt;
  const took = tookMs(execution, screen.now());
  const facts: [string, string][] = [
    ['workflow', workflow],
    ['run', id],
    ['queue', priority === 0 ? queue : `${queue}, priority ${priority}`],
    ['asked for', screen.at(createdAt)],
  ];
  if (scheduledAt !== null) facts.push(['scheduled', screen.at(scheduledAt)]);
  if (startedAt !== null) facts.push(['started', screen.at(startedAt)]);
  if (ended !== null) facts.push(['ended', screen.at(ended)]);
  if (took !== null) facts.push(['took', span(took)]);
  if (execution.parentId !== null) facts.push(['child of', execution.parentId]);
  if (execution.retryOf !== null) facts.push(['retry of', execution.retryOf]);
  if (children > 0) facts.push(['children', `${children}: nest-durable list --parent ${id}`]);
  const tagged = Object.entries(tags).map(([key, value]) => `${key}=${value}`);
  if (tagged.length > 0) facts.push(['tags', tagged.join('  ')]);
  const widest = Math.max(...facts.map(([name]) => name.length));
  return facts.map(([name, value]) => ['  ', tone('dim', name.padEnd(widest)), '  ', value]);
}

function section(title: Part, lines: readonly Part[]): Part[] {
  if (lines.length === 0) return [];
  return ['', typeof title === 'string' ? tone('bold', title) : title, ...lines];
}

function jsonLines(value: unknown): Part[] {
  return payloadJson(value)
    .split('\n')
    .map((line) => `  ${line}`);
}

function returnedLines(steps: readonly StepRecord[]): Part[] {
  return steps
    .filter(({ status, output }) => status === 'completed' && output !== null && output !== undefined)
    .flatMap(({ path, output }) => [['  ', tone('blue', path)], ...jsonLines(output).map((line) => ['  ', line])]);
}
