import { ExecutionNotFoundError } from '../../core/errors/errors.js';
import type { Execution, StepRecord } from '../../core/run/execution.js';
import type { Standing } from '../../core/standing/standing.js';
import type { LogEntry } from '../../core/run/log-entry.js';
import { isFinished } from '../../core/run/status.js';
import type { DurableClient } from '../../client/durable.client.js';
import { payloadJson } from '../output/json.js';
import type { Screen } from '../output/screen.js';
import { type Part, tone } from '../output/text.js';
import { span } from '../output/time.js';
import { errorLines } from './error-lines.js';
import { logLine } from './log-line.js';
import { glyphOf, statusPart, tookMs } from './status-look.js';
import { treeLines } from './tree-lines.js';

/** Log lines that `inspect` shows. */
const LAST_LINES = 8;

/** All that `inspect` says of a run. */
export interface Report {
  readonly execution: Execution;
  readonly steps: readonly StepRecord[];
  readonly logs: readonly LogEntry[];
  readonly children: number;
  /** Why it stands where it does; null: it was deleted meanwhile. */
  readonly standing: Standing | null;
  /** Whether payloads are shown. */
  readonly withData: boolean;
}

/** @throws ExecutionNotFoundError */
export async function readReport(client: DurableClient, id: string, withData: boolean): Promise<Report> {
  const execution = await client.getExecution(id);
  if (execution === null) throw new ExecutionNotFoundError(id);
  const [standing, steps, logs, counts] = await Promise.all([
    client.explain(id),
    client.getSteps(id, { includeData: withData }),
    client.getLogs(id),
    client.childCounts([id]),
  ]);
  return { execution, standing, steps, logs, children: counts[id] ?? 0, withData };
}

export function reportJson({ execution, standing, steps, logs, children, withData }: Report): object {
  const { input, data, ...rest } = execution;
  return { ...rest, standing, ...(withData ? { input, data } : {}), children, steps, logs: logs.slice(-LAST_LINES) };
}

export function reportLines(screen: Screen, report: Report, cwd: string): Part[] {
  const { execution, steps, logs, withData } = report;
  const { status, error } = execution;
  const now = screen.now();
  const round = steps.filter((step) => step.round === execution.round);
  const earlier = execution.round > 1 ? tone('dim', `  round ${execution.round}; earlier ones: --json`) : '';
  return [
    ...sentenceLines(screen, report),
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

/** The sentence of `explain()`, what helps, and until when it stands so. */
function sentenceLines(screen: Screen, { execution, standing }: Report): Part[] {
  if (standing === null) return [statusPart(execution.status)];
  const { title, detail, until } = standing;
  const width = screen.width ?? Infinity;
  return [
    [glyphOf(execution.status), ' ', tone('bold', title)],
    ...wrapped(detail, width - 2).map((line) => ['  ', line]),
    ...(until === null ? [] : [['  ', tone('dim', `until ${screen.at(until)}`)]]),
  ];
}

/** Lines of whole words; a text that has lines keeps them. */
function wrapped(text: string, width: number): string[] {
  return text.split('\n').flatMap((line) => {
    const lines: string[] = [];
    for (const word of line.split(' ')) {
      const last = lines.at(-1);
      if (last !== undefined && last.length + word.length < width) lines[lines.length - 1] = `${last} ${word}`;
      else lines.push(word);
    }
    return line === '' ? [] : lines;
  });
}

function headLines(screen: Screen, { execution, children }: Report): Part[] {
  const { workflow, id, queue, priority, tags, startedAt, createdAt, completedAt, compensatedAt, scheduledAt } =
    execution;
  const ended = compensatedAt ?? completedAt;
  const took = tookMs(execution, screen.now());
  const facts: [string, Part][] = [
    ['workflow', workflow],
    ['status', statusPart(execution.status)],
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
  const lines = (title: Part, value: unknown): Part[] => [
    ['  ', title],
    ...jsonLines(value).map((line) => ['  ', line]),
  ];
  return steps.flatMap(({ path, status, output, once = [] }) => [
    ...once.flatMap(({ name, value }) => lines([tone('blue', path), tone('dim', ` once ${name}`)], value)),
    ...(status === 'completed' && output !== null && output !== undefined ? lines(tone('blue', path), output) : []),
  ]);
}
