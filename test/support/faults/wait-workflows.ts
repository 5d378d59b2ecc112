import { Inject } from '@nestjs/common';
import {
  callWorkflow,
  ForEach,
  once,
  sleep,
  startWorkflow,
  Step,
  waitForApproval,
  waitForEvent,
  Workflow,
} from 'nest-durable';
import { Effects } from './effects.js';

/** A child that ends at once: often before its parent has parked. */
@Workflow({ name: 'quick_child' })
export class QuickChildWorkflow {
  @Step()
  work({ n }: { n: number }) {
    return { twice: n * 2 };
  }
}

/** Calls a quick child for each item, in items and one after the other in one step. */
@Workflow({ name: 'quick_parent' })
export class QuickParentWorkflow {
  @ForEach('each')
  items({ count }: { count: number }) {
    return Array.from({ length: count }, (_, n) => n);
  }

  @Step()
  async each(n: number) {
    return callWorkflow('quick_child', { n }) as Promise<{ twice: number }>;
  }

  @Step()
  async both(data: object) {
    const first = (await callWorkflow('quick_child', { n: 1 })) as { twice: number };
    const second = (await callWorkflow('quick_child', { n: first.twice })) as { twice: number };
    return { ...data, second: second.twice };
  }
}

/** The main ways to wait, one after the other, and on another queue. */
@Workflow({ name: 'waits' })
export class WaitsWorkflow {
  constructor(@Inject(Effects) private readonly effects: Effects) {}

  @Step()
  async ask(data: { n: number }) {
    await once('ask', () => this.effects.leave('ask'));
    const paid = await waitForEvent<number>('paid');
    const approval = await waitForApproval('ok', { metadata: data });
    await sleep(20);
    return { ...data, paid, approval };
  }

  @Step({ queue: 'elsewhere' })
  async there(data: { n: number }) {
    const started = await startWorkflow('quick_child', { n: data.n }, { ref: 'started' });
    const late = await waitForEvent('late', { timeout: 50, timeoutValue: 'none' });
    const child = await callWorkflow('quick_child', { n: data.n }, { ref: 'started' });
    return { ...data, late, child, started };
  }
}

export const waitWorkflows = [QuickChildWorkflow, QuickParentWorkflow, WaitsWorkflow];
