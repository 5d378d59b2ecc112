import { type Execution, type WorkflowHandle, workflowId } from 'nest-durable';
import type { DurableTest } from 'nest-durable/testing';

type Body = (data: Record<string, unknown>) => unknown;

/**
 * What steps do, given by the tests themselves: the input of a run names it, so that each test shows the whole step.
 * Counts how often each was called, by run.
 */
export class Bodies {
  private readonly bodies = new Map<string, Body>();
  private readonly counts = new Map<string, number>();
  private serial = 0;

  /** A body; the data of a run has its name under any key. */
  add(body: Body): string {
    const name = `body ${++this.serial}`;
    this.bodies.set(name, body);
    return name;
  }

  /** New code for runs that have the old. */
  replace(name: string, body: Body): void {
    this.bodies.set(name, body);
  }

  /** Called by a step. @param what tells apart what a run calls */
  async call(name: unknown, data: Record<string, unknown>, what = 'work'): Promise<unknown> {
    const key = `${workflowId()} ${what}`;
    this.counts.set(key, (this.counts.get(key) ?? 0) + 1);
    const body = this.bodies.get(String(name));
    return body === undefined ? data : body(data);
  }

  /** How many passes there were. */
  passes(run: { readonly id: string }, what = 'work'): number {
    return this.counts.get(`${run.id} ${what}`) ?? 0;
  }
}

/** What has become of a run, after it has come as far as it can by now. */
export async function settled(test: DurableTest, run: WorkflowHandle<unknown>): Promise<Execution> {
  await test.idle();
  const execution = await run.execution();
  if (execution === null) throw new Error(`Run ${run.id} is gone`);
  return execution;
}
