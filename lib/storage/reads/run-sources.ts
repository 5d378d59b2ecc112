import type { RunListFilters } from '../../core/run/execution.js';
import { EXECUTION_STATUSES, type ExecutionStatus, isFinished } from '../../core/run/status.js';
import { STATUS_OF_ROW } from './run-columns.js';
import { Conditions, storedErrorName, where, type WantedStatuses } from './run-filters.js';

const UNFINISHED = EXECUTION_STATUSES.filter((status) => !isFinished(status));

/** A statement put together from filters: no value of a caller's stands in its text. */
export interface BuiltQuery {
  readonly text: string;
  readonly parameters: readonly unknown[];
}

/**
 * Query for the runs that fit. History is read along one index, which has a stretch for each workflow and queue; runs
 * that did not complete have an index of their own; the unfinished ones are all in the far smaller queue.
 */
export class RunQuery {
  protected readonly conditions: Conditions;
  /** Several stretches of history's index are read. */
  protected readonly merged: boolean;

  constructor(
    protected readonly filters: RunListFilters,
    private readonly wanted: WantedStatuses | null,
  ) {
    this.conditions = new Conditions(filters);
    this.merged = filters.workflow === undefined || filters.queue === undefined;
  }

  get parameters(): readonly unknown[] {
    return this.conditions.parameters;
  }

  /** The workflows and queues that runs have, as `kind`, stepped through in the index: one look for each. */
  kinds(): string {
    if (!this.merged) return '';
    const [workflow, queue] = [this.conditions.given('workflow'), this.conditions.given('queue')];
    const next =
      workflow === null
        ? queue === null
          ? '(e.workflow, e.queue) > (k.workflow, k.queue)'
          : 'e.workflow > k.workflow'
        : `e.workflow = ${workflow} AND e.queue > k.queue`;
    const first = workflow === null ? '' : `WHERE e.workflow = ${workflow}`;
    const one = 'ORDER BY e.workflow, e.queue LIMIT 1';
    return `WITH RECURSIVE kind AS (
  (SELECT e.workflow, e.queue FROM durable.workflow_executions e ${first} ${one})
  UNION ALL
  SELECT n.workflow, n.queue
  FROM kind k
  CROSS JOIN LATERAL (SELECT e.workflow, e.queue FROM durable.workflow_executions e WHERE ${next} ${one}) n
)
`;
  }

  /** The same, where there is but one too. */
  protected ofKinds(): string {
    if (this.merged) return this.kinds().trimEnd();
    const [workflow, queue] = [this.conditions.given('workflow'), this.conditions.given('queue')];
    return `WITH RECURSIVE kind AS (SELECT ${workflow} AS workflow, ${queue} AS queue)`;
  }

  /** The sum that is the number of runs. */
  counted(): string {
    const { wanted } = this;
    const { conditions } = this;
    if (this.filters.parentId !== undefined || conditions.tagged('e') !== null || conditions.ids('e') !== null)
      return `(${this.matching('count(*)')})`;
    if (wanted === null) return this.countedInHistory();
    const parts: string[] = [];
    if (wanted.finished.includes('completed')) {
      // No index has the status, which changes at the end: what completed is what is left of all.
      const others = `e.error_status <> ALL (${this.conditions.add([...wanted.finished, 'active'], 'text[]')})`;
      parts.push(
        `${this.countedInHistory()} - (${this.failed('count(*)', others)}) - (${this.queued('count(*)', null)})`,
      );
    } else if (wanted.finished.length > 0) {
      parts.push(`(${this.failed('count(*)', this.stored(wanted.finished, 'error_status'))})`);
    }
    if (wanted.unfinished.length > 0) parts.push(`(${this.queued('count(*)', wanted.unfinished)})`);
    return parts.join(' + ');
  }

  /** All filters at once, among the runs of a parent or those with tags; the planner knows which index is best. */
  matching(columns = 'e.created_at, e.id'): string {
    const { conditions } = this;
    const equal = (['workflow', 'queue', 'parentId'] as const).flatMap((filter) => {
      const parameter = conditions.given(filter);
      return parameter === null ? [] : [`e.${filter === 'parentId' ? 'parent_id' : filter} = ${parameter}`];
    });
    const { status, joined } = this.anyStatus();
    return `SELECT ${columns} FROM durable.workflow_executions e ${joined}
      ${where(equal, conditions.ids('e'), conditions.tagged('e'), conditions.bounds('e'), status)}`;
  }

  protected sourceTexts(page: (alias: string) => string): string[] {
    const { wanted } = this;
    const columns = (alias: string): string => `${alias}.created_at, ${alias}.id`;
    const { texts: known = [], retrying } = this.filters.match ?? {};
    const named = known.find(({ field, not }) => !not && (field === 'schedule' || field === 'error'));
    if (named !== undefined) return [this.named(named.field === 'schedule' ? 'schedule' : 'error', named.values, page)];
    if (retrying === true) {
      const { unfinished } = wanted ?? { unfinished: null };
      return [`${this.queued(columns('q'), unfinished, [`q.because = 'retry'`, `q.state = 'sleeping'`])} ${page('q')}`];
    }
    if (wanted === null) return [this.history(null, page('e'))];
    const texts: string[] = [];
    if (wanted.finished.includes('completed')) texts.push(this.history(this.stored(wanted.finished), page('e')));
    else if (wanted.finished.length > 0) {
      texts.push(`${this.failed(columns('e'), this.stored(wanted.finished, 'error_status'))} ${page('e')}`);
    }
    if (wanted.unfinished.length > 0) texts.push(`${this.queued(columns('q'), wanted.unfinished)} ${page('q')}`);
    return texts;
  }

  /**
   * Runs of schedules, or that ended with errors, along the index that has the name: history would be read to its end where
   * few runs have it.
   */
  private named(field: 'schedule' | 'error', names: readonly string[], page: (alias: string) => string): string {
    const given = this.conditions.given('workflow');
    const byWorkflow = field === 'error' && given === null;
    const stored = field === 'error' ? names.map(storedErrorName) : names;
    const name = field === 'error' ? ['e.error IS NOT NULL', 'e.error_name = v.name'] : ['e.schedule_name = v.name'];
    const workflow = byWorkflow ? ['e.workflow = k.workflow'] : [];
    const { status, joined } = this.anyStatus();
    const equal = this.equal('e', 'e.workflow = ', '');
    // A name that is given twice is looked for once: each look lists what it finds.
    return `SELECT s.created_at, s.id
      FROM unnest(${this.conditions.add([...new Set(stored)], 'text[]')}) AS v(name)
      ${byWorkflow ? `CROSS JOIN (SELECT DISTINCT o.workflow FROM kind o ${where(this.conditions.kinds('o'))}) k` : ''}
      CROSS JOIN LATERAL (
        SELECT e.created_at, e.id FROM durable.workflow_executions e ${joined}
        ${where(name, workflow, equal, this.bounds('e'), status)} ${page('e')}) s`;
  }

  /** The condition on the status of a run's row `e`, and what has to be joined for it. */
  protected anyStatus(wanted = this.wanted): { readonly status: string | null; readonly joined: string } {
    const { conditions } = this;
    if (wanted === null) return { status: null, joined: '' };
    if (wanted.unfinished.length === 0) return { status: this.stored(wanted.finished), joined: '' };
    const statuses = conditions.add([...wanted.finished, ...wanted.unfinished], 'text[]');
    return {
      status: `${STATUS_OF_ROW} = ANY (${statuses})`,
      // Each by itself, or the planner may read the whole queue for a few.
      joined: `LEFT JOIN LATERAL (
        SELECT w.* FROM durable.workflow_queue w WHERE w.id = e.id AND e.status = 'active' LIMIT 1
      ) q ON true`,
    };
  }

  protected history(status: string | null, page: string, bound: string | null = null): string {
    const inner = `SELECT e.created_at, e.id FROM durable.workflow_executions e ${where(this.kind(), this.bounds('e'), bound, status)} ${page}`;
    if (!this.merged) return inner;
    return `SELECT s.created_at, s.id FROM kind k CROSS JOIN LATERAL (${inner}) s ${where(this.conditions.kinds('k'))}`;
  }

  private countedInHistory(): string {
    const { workflow, queue, since, until } = this.filters;
    const all = [workflow, queue, since, until].every((filter) => filter === undefined);
    if (all) return '(SELECT count(*) FROM durable.workflow_executions)';
    const counted = `SELECT count(*) AS n FROM durable.workflow_executions e ${where(this.kind(), this.bounds('e'))}`;
    return this.merged
      ? `(SELECT COALESCE(sum(s.n), 0) FROM kind k CROSS JOIN LATERAL (${counted}) s)`
      : `(${counted})`;
  }

  /** On the runs of a source. */
  protected bounds(alias: string): string[] {
    return this.conditions.bounds(alias);
  }

  /** One stretch of the index: of the workflow and queue that are asked for, else of each that `kind` gives. */
  protected kind(): string[] {
    const [workflow, queue] = [this.conditions.given('workflow'), this.conditions.given('queue')];
    return [`e.workflow = ${workflow ?? 'k.workflow'}`, `e.queue = ${queue ?? 'k.queue'}`];
  }

  private failed(columns: string, status: string): string {
    const equal = this.equal('e', 'e.workflow = ', '');
    return `SELECT ${columns} FROM durable.workflow_executions e
      ${where('e.error IS NOT NULL', status, equal, this.bounds('e'))}`;
  }

  private queued(columns: string, statuses: readonly ExecutionStatus[] | null, only: readonly string[] = []): string {
    const equal = this.equal(
      'q',
      'q.definition_id IN (SELECT d.id FROM durable.workflow_definitions d WHERE d.name = ',
      ')',
    );
    const any = statuses === null || UNFINISHED.every((one) => statuses.includes(one));
    const isOne = any
      ? null
      : `durable.run_status('active', q.state, q.paused, q.compensating, q.started_at) = ANY (${this.conditions.add(statuses, 'text[]')})`;
    // Few rows are expected to have one status of several: the planner would rather read all than go along the index of `only`.
    const status = isOne === null || only.length === 0 ? isOne : `COALESCE(${isOne}, false)`;
    // Equal to the status, and indexed.
    const leased = statuses?.length === 1 && statuses[0] === 'running' ? 'q.worker_id IS NOT NULL' : null;
    return `SELECT ${columns} FROM durable.workflow_queue q
      ${where('q.step_of IS NULL', only, leased, status, equal, this.bounds('q'))}`;
  }

  private equal(alias: string, beforeWorkflow: string, afterWorkflow: string): string[] {
    const [workflow, queue] = [this.conditions.given('workflow'), this.conditions.given('queue')];
    return [
      ...(workflow === null ? [] : [`${beforeWorkflow}${workflow}${afterWorkflow}`]),
      ...(queue === null ? [] : [`${alias}.queue = ${queue}`]),
    ];
  }

  private stored(statuses: readonly string[], column = 'status'): string {
    return `e.${column} = ANY (${this.conditions.add(statuses, 'text[]')})`;
  }
}
