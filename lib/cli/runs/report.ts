import { ExecutionNotFoundError } from '../../core/errors/errors.js';
import type { Execution, StepRecord } from '../../core/run/execution.js';
import type { Standing } from '../../core/standing/standing.js';
import type { LogEntry } from '../../core/run/log-entry.js';
import { isFinished } from '../../core/run/status.js';
import type { Clients } from '../database/client.js';
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
/** Children that are counted. */
const MOST_CHILDREN = 10_000;
/** After the last line of any log. */
const END = Number.MAX_SAFE_INTEGER;

/** All that `inspect` says of a run. */
export interface Report {
  readonly execution: Execution;
  readonly steps: readonly StepRecord[];
  readonly logs: readonly LogEntry[];
  /** `more`: that many at least. */
  readonly children: { readonly n: number; readonly more: boolean };
  /** Why it stands where it does; null: it was deleted meanwhile. */
  readonly standing: Standing | null;
  /** Whether payloads are shown. */
  readonly withData: boolean;
}

/** @throws ExecutionNotFoundError */
export async function readReport({ client, storage }: Clients, id: string, withData: boolean): Promise<Report> {
  const execution = await client.getExecution(id);
  if (execution === null) throw new ExecutionNotFoundError(id);
  const last = { step: null, levels: null, text: null, from: { way: 'prev', seq: END }, limit: LAST_LINES } as const;
  const [standing, steps, log, counts] = await Promise.all([
    client.explain(id),
    client.getSteps(id, { includeData: withData }),
    storage.logs.page(id, last),
    storage.waitReads.childCounts([id], MOST_CHILDREN + 1),
  ]);
  const children = counts.get(id) ?? 0;
  // Records of what runs at a time come one after the other.
  const logs = (log?.entries ?? []).toSorted((a, b) => a.time.getTime() - b.time.getTime());
  return {
    execution,
    standing,
    steps,
    logs: logs.map(({ seq: _, ...entry }) => entry),
    children: { n: Math.min(children, MOST_CHILDREN), more: children > MOST_CHILDREN },
    withData,
  };
}

export function reportJson({ execution, standing, steps, logs, children, withData }: Report): object {
  const { input, data, ...rest } = execution;
  return { ...rest, standing, ...(withData ? { input, data } : {}), children, steps, logs };
}

export function reportLines(screen: Screen, report: Report, cwd: string): Part[] {
  return sectionsOf(screen, report, cwd).flat();
}

/** As many lines as may be drawn: of its sections but the first, which is never shortened, the last lines. */
export function shortReport(screen: Screen, report: Report, cwd: string): Part[] {
  const [head = [], ...rest] = sectionsOf(screen, report, cwd).map((lines) => screen.cut(lines));
  const sizes = rest.map(({ length }) => length);
  let excess = head.length + sizes.reduce((sum, size) => sum + size, 0) - screen.room;
  while (excess > 0) {
    const longest = sizes.indexOf(Math.max(...sizes));
    const size = sizes[longest] ?? 0;
    // A title with nothing below it says nothing.
    const less = size > LEAST ? 1 : size;
    if (less === 0) break;
    sizes[longest] = size - less;
    excess -= less;
  }
  return [...head, ...rest.flatMap((lines, at) => shortened(lines, sizes[at] ?? 0))];
}

/** Lines of a section: an empty one, its title, what is left out, and one. */
const LEAST = 4;

function shortened(lines: readonly Part[], size: number): readonly Part[] {
  if (size === lines.length) return lines;
  if (size < LEAST) return [];
  const kept = size - LEAST + 1;
  const left = tone('dim', `  … ${lines.length - kept - 2} lines before`);
  return [...lines.slice(0, 2), left, ...lines.slice(lines.length - kept)];
}

function sectionsOf(screen: Screen, report: Report, cwd: string): Part[][] {
  const { execution, steps, logs, withData } = report;
  const { status, error } = execution;
  const now = screen.now();
  const round = steps.filter((step) => step.round === execution.round);
  const earlier = execution.round > 1 ? tone('dim', `  round ${execution.round}; earlier ones: --json`) : '';
  const wrapped = (lines: readonly Part[], indent: number): Part[] =>
    lines.flatMap((line) => screen.wrap(line, indent));
  return [
    [...sentenceLines(screen, report), '', ...wrapped(headLines(screen, report), 4)],
    section(['Steps', earlier], screen.cut(treeLines(round, now, !isFinished(status)))),
    error === null || status === 'completed' ? [] : section('Error', wrapped(errorLines(error, cwd), 4)),
    withData ? section('Input', wrapped(jsonLines(execution.input), 4)) : [],
    withData ? section(status === 'completed' ? 'Result' : 'Data', wrapped(jsonLines(execution.data), 4)) : [],
    withData ? section('Returned', wrapped(returnedLines(round), 6)) : [],
    section('Last log lines', screen.cut(logs.map((entry) => ['  ', ...logLine(screen, entry)]))),
  ];
}

/** The sentence of `explain()`, what helps, and until when it stands so. A text that has lines keeps them. */
function sentenceLines(screen: Screen, { execution, standing }: Report): Part[] {
  if (standing === null) return [statusPart(execution.status)];
  const { title, detail, until } = standing;
  const details = detail.split('\n').filter((line) => line !== '');
  return [
    ...screen.wrap([glyphOf(execution.status), ' ', tone('bold', title)], 2),
    ...details.flatMap((line) => screen.wrap(['  ', line], 2)),
    ...(until === null ? [] : [['  ', tone('dim', `until ${screen.at(until)}`)]]),
  ];
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
  if (took !== null) facts.push([ended === null ? 'so far' : 'took', span(took)]);
  if (execution.parentId !== null) facts.push(['child of', execution.parentId]);
  if (execution.retryOf !== null) facts.push(['retry of', execution.retryOf]);
  if (children.n > 0)
    facts.push(['children', `${children.n}${children.more ? '+' : ''}: nest-durable list --parent ${id}`]);
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
