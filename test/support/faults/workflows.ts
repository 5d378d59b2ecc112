import { Inject } from '@nestjs/common';
import { currentAttempt, currentStep, once, stepManager, Step, Workflow, workflowId } from 'nest-durable';
import type { EntityManager } from 'typeorm';
import { setTimeout as pause } from 'node:timers/promises';
import { Effects } from './effects.js';

/** Three steps, each with its effect. */
@Workflow({ name: 'three' })
export class ThreeWorkflow {
  constructor(@Inject(Effects) private readonly effects: Effects) {}

  @Step()
  async first(data: { ms?: number }) {
    await this.effects.leave();
    if (data.ms !== undefined) await pause(data.ms);
    return { ...data, first: true };
  }

  @Step()
  async second(data: { ms?: number }) {
    await this.effects.leave();
    if (data.ms !== undefined) await pause(data.ms);
    return { ...data, second: true };
  }

  @Step()
  async third(data: object) {
    await this.effects.leave();
    return { ...data, third: true };
  }
}

/** A step that waits for a gate, between two others. */
@Workflow({ name: 'gated' })
export class GatedWorkflow {
  constructor(@Inject(Effects) private readonly effects: Effects) {}

  @Step()
  async before(data: object) {
    await this.effects.leave();
    return { ...data, before: true };
  }

  @Step()
  async at(data: { gate: string }) {
    await this.effects.leave();
    await this.effects.gate(data.gate);
    return { ...data, at: true };
  }

  @Step()
  async after(data: object) {
    await this.effects.leave();
    return { ...data, after: true };
  }
}

/** Every kind of commit that a run can make: records, `once`, a backoff, a step on another queue, the end. */
@Workflow({ name: 'life' })
export class LifeWorkflow {
  constructor(@Inject(Effects) private readonly effects: Effects) {}

  @Step()
  async plain(data: object) {
    await this.effects.leave();
    return { ...data, plain: true };
  }

  /** Not due at once: the run is to be parked for it, also where the machine is busy. */
  @Step({ retry: { maxAttempts: 2, initialDelay: 100, jitter: false } })
  async paid(data: object) {
    await this.effects.leave(`paid ${currentAttempt()}`);
    const receipt = await once('pay', async () => {
      await this.effects.leave('pay');
      return 'receipt';
    });
    if (currentAttempt() === 1) throw new Error('the first attempt fails');
    return { ...data, receipt };
  }

  @Step({ queue: 'elsewhere' })
  async there(data: object) {
    await this.effects.leave();
    const reserved = await once('reserve', async () => {
      await this.effects.leave('reserve');
      return true;
    });
    return { ...data, reserved };
  }

  @Step()
  async last(data: object) {
    await this.effects.leave();
    return { ...data, last: true };
  }
}

/** A step whose writes commit with its record; the process may stop itself in it, as by `kill -STOP`. */
@Workflow({ name: 'booking' })
export class BookingWorkflow {
  constructor(@Inject(Effects) private readonly effects: Effects) {}

  @Step({ transactional: true })
  async book(data: { stop?: string }) {
    await this.effects.leave();
    const manager = stepManager<EntityManager>();
    await manager.query('INSERT INTO public.bookings (run, step) VALUES ($1, $2)', [workflowId(), currentStep()]);
    if (data.stop === this.effects.worker) process.kill(process.pid, 'SIGSTOP');
    return { ...data, booked: true };
  }

  @Step()
  async after(data: object) {
    await this.effects.leave();
    return { ...data, after: true };
  }
}

/** A step that stops its own process right before it returns: it comes back past its lease, and writes at once. */
@Workflow({ name: 'stopped' })
export class StoppedWorkflow {
  constructor(@Inject(Effects) private readonly effects: Effects) {}

  @Step()
  async stop(data: { stop: string }) {
    await this.effects.leave();
    if (data.stop === this.effects.worker) process.kill(process.pid, 'SIGSTOP');
    return { ...data, by: this.effects.worker };
  }

  @Step()
  async after(data: object) {
    await this.effects.leave();
    return { ...data, after: true };
  }
}

export const faultWorkflows = [ThreeWorkflow, GatedWorkflow, LifeWorkflow, StoppedWorkflow];
