import type { Execution, RunFilters } from '../../core/run/execution.js';
import type { Context } from '../command.js';
import type { Database } from '../database/database.js';
import { ShortIds } from '../database/short-ids.js';
import type { Screen } from '../output/screen.js';
import type { Column } from '../output/table.js';
import { hasError } from './filters.js';
import { boundedPagesOf, LOOKED_AT, untilAfter } from './pages.js';

interface Group {
  readonly workflow: string;
  readonly step: string | null;
  readonly error: string;
  /** Of the newest one. */
  message: string;
  lastId: string;
  /** When it failed. */
  last: Date;
  count: number;
}

export async function printGroups(
  context: Context,
  filters: RunFilters,
  error: string | undefined,
  limit: number | null,
): Promise<void> {
  const { screen, signal } = context;
  const { reads } = await context.clients();
  const groups = new Map<string, Group>();
  const failed = filters.status === undefined ? { ...filters, status: FAILED } : filters;
  // The newest first, unless --limit says otherwise.
  const most = limit ?? LOOKED_AT;
  let looked = 0;
  let more = false;
  let oldest: Execution | undefined;
  for await (const { page, beyond } of boundedPagesOf(reads, failed, most)) {
    signal.throwIfAborted();
    const fitting = page.filter((run) => hasError(run, error));
    const steps = await failedSteps(await context.database(), fitting);
    for (const run of fitting) count(groups, run, steps.get(run.id) ?? null);
    looked += page.length;
    oldest = page.at(-1) ?? oldest;
    more = beyond;
  }
  const found = [...groups.values()].sort((a, b) => b.count - a.count);
  if (screen.isJson) screen.json(found);
  else if (found.length === 0) screen.say('No failure fits.');
  else {
    const ids = new ShortIds(context);
    await ids.learn(found.map(({ lastId }) => lastId));
    screen.lines(screen.table(columns(screen, ids)).lines(found));
  }
  if (more && oldest !== undefined) {
    screen.say(`Of the newest ${looked} failures; go on with --until ${untilAfter(oldest)}, or with a higher --limit.`);
  }
}

const FAILED = ['failed', 'compensated', 'compensation_failed'] as const;

async function failedSteps(database: Database, runs: readonly Execution[]): Promise<Map<string, string>> {
  const rows = await database.rows<{ id: string; step: string }>('failed-steps', [runs.map(({ id }) => id)]);
  return new Map(rows.map(({ id, step }) => [id, step]));
}

function count(groups: Map<string, Group>, run: Execution, step: string | null): void {
  const { id, workflow, error } = run;
  if (error === null) return;
  const last = run.completedAt ?? run.createdAt;
  const key = JSON.stringify([workflow, step, error.name, kindOf(error.message)]);
  const known = groups.get(key);
  const { name, message } = error;
  if (known === undefined) groups.set(key, { workflow, step, error: name, message, lastId: id, last, count: 1 });
  else {
    known.count++;
    // The run that was started last need not be the one that failed last.
    if (last > known.last) Object.assign(known, { message, lastId: id, last });
  }
}

/** A message without what differs from one failure to the next: ids, numbers, what is quoted. */
function kindOf(message: string): string {
  return message
    .slice(0, 400)
    .replace(/[0-9a-f]{8}-[0-9a-f-]{27}/gi, '#')
    .replace(/"[^"]*"|'[^']*'|`[^`]*`/g, '#')
    .replace(/\d+/g, '#');
}

function columns(screen: Screen, ids: ShortIds): Column<Group>[] {
  return [
    { title: 'COUNT', of: ({ count: n }) => String(n), align: 'right' },
    { title: 'WORKFLOW', of: ({ workflow }) => workflow, least: 8 },
    { title: 'STEP', of: ({ step }) => step ?? '', least: 6, drop: 1 },
    { title: 'ERROR', of: ({ error, message }) => `${error}: ${message}`, least: 12 },
    { title: 'LAST', of: ({ last }) => screen.ago(last), drop: 2 },
    { title: 'RUN', of: ({ lastId }) => lastId, short: ({ lastId }) => ids.of(lastId), shortenAt: 3 },
  ];
}
