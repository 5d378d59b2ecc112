import { didYouMean } from '../core/did-you-mean.js';
import type { Sequence, WorkflowDefinition } from '../core/definition/definition.js';
import type { ScheduleDeclaration } from '../core/time/schedule.js';
import { Loop } from '../engine/time/loop.js';
import { oneLine } from './lines.js';
import type { ReportLog } from './limited-log.js';

/** A queue on which no living process works. */
export interface IdleQueue {
  readonly queue: string;
  /** True: runs or steps are ready there. */
  readonly ready: boolean;
}

export interface IdleQueuesDeps {
  /** Of the queues that are named, and of those in which something is ready, those on which no process works. */
  readonly find: (named: readonly string[]) => Promise<readonly IdleQueue[]>;
  /** Queues by who names them. */
  readonly named: ReadonlyMap<string, readonly string[]>;
  /** The queues of this process. */
  readonly own: readonly string[];
  readonly log: ReportLog;
  readonly onTrouble: (message: string, cause?: unknown) => void;
  /** ms between two looks. Default: a minute. */
  readonly interval?: number;
}

const MINUTE = 60_000;

/**
 * Warns of queues on which no living process works: at boot of all that this process's workflows and schedules name, then
 * each minute of those in which something is ready.
 */
export class IdleQueues {
  readonly loop: Loop;
  private isFirst = true;

  constructor(private readonly deps: IdleQueuesDeps) {
    const { interval = MINUTE, onTrouble } = deps;
    this.loop = new Loop('The look for queues without workers', interval, () => this.look(), onTrouble);
  }

  private async look(): Promise<null> {
    const { named, find, log } = this.deps;
    const idle = await find([...named.keys()]);
    for (const { queue, ready } of idle) {
      if (ready || (this.isFirst && named.has(queue))) log.warn(this.lineOf(queue, ready));
    }
    this.isFirst = false;
    return null;
  }

  private lineOf(queue: string, ready: boolean): string {
    const { named, own } = this.deps;
    const by = named.get(queue);
    const who = by === undefined ? '' : `, which ${by.join(' and ')} ${by.length === 1 ? 'names' : 'name'}`;
    const what = ready ? 'Runs are ready there and wait.' : 'Its runs would wait.';
    const key = /^[A-Za-z_$][\w$]*$/.test(queue) ? queue : `'${queue}'`;
    return oneLine(
      `No live process works on queue "${queue}"${who}. ${what}${own.includes(queue) ? '' : didYouMean(queue, own)} ` +
        `Start a process with the option queues: { ${key}: { concurrency: 10 } }.`,
    );
  }
}

/** The queues that workflows, their steps and schedules name, with who does. */
export function namedQueues(
  workflows: readonly {
    readonly definition: WorkflowDefinition;
    readonly schedules: readonly Pick<ScheduleDeclaration, 'name' | 'settings'>[];
  }[],
): ReadonlyMap<string, readonly string[]> {
  const named = new Map<string, string[]>();
  const add = (queue: string, who: string): void => {
    const all = named.get(queue) ?? [];
    named.set(queue, all);
    if (!all.includes(who)) all.push(who);
  };
  for (const { definition, schedules } of workflows) {
    add(definition.queue, `workflow "${definition.name}"`);
    for (const [step, queue] of stepQueues(definition.nodes)) add(queue, `step "${step}" of "${definition.name}"`);
    for (const { name, settings } of schedules) {
      if (settings.queue !== null) add(settings.queue, `schedule "${name}"`);
    }
  }
  return named;
}

function stepQueues(nodes: Sequence): [step: string, queue: string][] {
  return nodes.flatMap((node) => {
    const own: [string, string][] = node.settings.queue === null ? [] : [[node.name, node.settings.queue]];
    if (node.kind === 'forEach') return [...own, ...stepQueues(node.arm)];
    const arms = node.kind === 'branch' || node.kind === 'parallel' ? Object.values(node.arms) : [];
    return [...own, ...arms.flatMap(stepQueues)];
  });
}
