import { type ExecutionCounts, type StatsRow, WorkflowNotFoundError, type WorkflowSummary } from '../durable.js';
import { type Call, route } from '../http/call.js';
import {
  askedWindow,
  type AskedWindow,
  byPoint,
  durationsOf,
  grainOf,
  numbersOf,
  pointsOf,
  sumsOf,
  windowOf,
} from './figures.js';
import { rowsOf } from './runs.js';

/** Runs that the figures of steps are made of. */
const RUNS = 200;
/** Points of a small chart. */
const POINTS = 24;
const UNFINISHED = [
  'pending',
  'running',
  'waiting',
  'paused',
  'compensating',
] as const satisfies (keyof ExecutionCounts)[];

/** What became of their runs in a window, by workflow. */
async function figuresOf(call: Call, asked: AskedWindow, workflow: string | null) {
  const now = await call.services.looks.now();
  const window = windowOf(asked, now);
  const grain = grainOf(window, now);
  const { since, until } = window;
  const { looks } = call.services;
  const stretch = { grain, since: new Date(since), until: new Date(until) };
  const points = pointsOf(window, grain, POINTS);
  const rows =
    workflow === null ? await looks.eachStats({ ...stretch, points }) : await looks.stats({ ...stretch, workflow });
  const byName = new Map<string, StatsRow[]>();
  for (const row of rows) {
    const mine = byName.get(row.workflow);
    if (mine === undefined) byName.set(row.workflow, [row]);
    else mine.push(row);
  }
  return ({ name, totals }: WorkflowSummary) => {
    const mine = byName.get(name) ?? [];
    const { completed, failed, other, p50, p95 } = sumsOf(mine);
    const ended = completed + failed + other;
    return {
      succeeded: ended === 0 ? null : completed / ended,
      p50,
      p95,
      perMinute: (ended * 60_000) / (until - since),
      unfinished: UNFINISHED.reduce((sum, status) => sum + totals[status], 0),
      series: byPoint(mine, window, grain, POINTS).map(([at, some]) => {
        const numbers = numbersOf(some);
        return { at: new Date(at), completed: numbers.completed, failed: numbers.failed };
      }),
      durations: durationsOf(mine),
    };
  };
}

/** @param name of the one that is asked for; null: all are */
async function shown(
  call: Call,
  list: () => Promise<readonly WorkflowSummary[]>,
  name: string | null,
  asked: AskedWindow,
) {
  const reads = await call.services.looks.reads();
  const lastOnes = async () => {
    const found = await list();
    const runs = found.flatMap(({ lastRun }) => lastRun ?? []);
    return { found, rows: await rowsOf(call, runs) };
  };
  const [{ found, rows }, figures, versions] = await Promise.all([
    lastOnes(),
    figuresOf(call, asked, name),
    reads.versions(name),
  ]);
  const lastRuns = new Map(rows.map((run) => [run.id, run]));
  return found.map((workflow) => ({
    ...workflow,
    lastRun: lastRuns.get(workflow.lastRun?.id ?? '') ?? null,
    ...figures(workflow),
    versions: versions.get(workflow.name) ?? [],
  }));
}

/** `steps` stands in the answer for one workflow alone: that of all would read the journals of all their last runs. */
const workflows = route({
  method: 'GET',
  path: 'workflows',
  action: 'workflow.read',
  input: askedWindow,
  handle: async (call, asked) => ({
    items: await shown(call, () => call.services.looks.client.listWorkflows(), null, asked),
  }),
});

const workflow = route({
  method: 'GET',
  path: 'workflows/:name',
  action: 'workflow.read',
  input: askedWindow,
  async handle(call, asked) {
    const { client, reads } = call.services.looks;
    const name = call.params['name'] ?? '';
    const list = async (): Promise<WorkflowSummary[]> => {
      const all = await client.listWorkflows();
      const found = all.filter((one) => one.name === name);
      if (found.length > 0) return found;
      const names = all.map((one) => one.name);
      throw new WorkflowNotFoundError(name, names);
    };
    const stepsOf = async () => {
      const runs = await client.listExecutions({ workflow: name, limit: RUNS });
      return (await reads()).stepFigures(runs.map(({ id }) => id));
    };
    const [[one], steps] = await Promise.all([shown(call, list, name, asked), stepsOf()]);
    return { ...one, steps };
  },
});

export const workflowRoutes = [workflows, workflow];
