import type { Family, Page, Run, RunRow, RunsPage, Workflow } from './types.js';

/** A run that went while it was looked at has no standing, and a server may leave out what it does not know. */
export function rowOf<T extends RunRow>(raw: T): T {
  const row: T = { ...raw, tags: raw.tags ?? {}, compensationResults: raw.compensationResults ?? [] };
  row.standing = raw.standing ?? { kind: raw.status, text: '', title: '', detail: null, until: null };
  row.standing.text ??= row.standing.title;
  row.standing.detail ??= null;
  row.standing.until ??= null;
  row.failedStep ??= null;
  row.version ??= null;
  row.childCount ??= 0;
  return row;
}

export function pageOf(page: Page<RunRow>): Page<RunRow> {
  return { ...page, items: page.items.map(rowOf), next: page.next ?? null, prev: page.prev ?? null };
}

export function runsPageOf(page: RunsPage): RunsPage {
  return { ...pageOf(page), lookedTo: page.lookedTo ?? null };
}

export function runOf(raw: Run): Run {
  const run = rowOf(raw);
  run.graph ??= null;
  run.inputSchema ??= null;
  run.links ??= [];
  run.restartPoints ??= [];
  run.counts ??= {};
  return run;
}

type RawFamily = Partial<Omit<Family, 'retryOf' | 'retries'>> &
  Partial<Page<RunRow>> & { retryOf?: RunRow | string | null; retries?: (RunRow | string)[] };

/** Kin that are told by their ids alone are told by their ids. */
export interface Kin {
  readonly parents: RunRow[];
  readonly retryOf: RunRow | string | null;
  readonly retries: (RunRow | string)[];
  readonly children: Page<RunRow>;
  readonly counts: Family['counts'];
}

export function familyOf(raw: RawFamily): Kin {
  const children = raw.children ?? { items: raw.items ?? [], next: raw.next ?? null, prev: null };
  const one = (run: RunRow | string): RunRow | string => (typeof run === 'string' ? run : rowOf(run));
  return {
    parents: (raw.parents ?? []).map(rowOf),
    retryOf: raw.retryOf === undefined || raw.retryOf === null ? null : one(raw.retryOf),
    retries: (raw.retries ?? []).map(one),
    children: pageOf(children),
    counts: raw.counts,
  };
}

/** Figures that nobody has counted are not there. */
export function workflowOf(raw: Workflow): Workflow {
  const { totals } = raw;
  const workflow: Workflow = { ...raw };
  workflow.succeeded ??= null;
  workflow.p50 ??= null;
  workflow.p95 ??= null;
  workflow.perMinute ??= null;
  workflow.inputSchema ??= null;
  workflow.unfinished ??= totals.pending + totals.running + totals.waiting + totals.paused + totals.compensating;
  return workflow;
}

export function workflowsOf(page: Page<Workflow>): Page<Workflow> {
  return { ...page, items: page.items.map(workflowOf) };
}
