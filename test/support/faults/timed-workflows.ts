import { Inject } from '@nestjs/common';
import {
  Compensate,
  currentAttempt,
  once,
  Schedule,
  scheduledTime,
  sleep,
  Step,
  waitForEvent,
  Workflow,
} from 'nest-durable';
import { Effects } from './effects.js';

/** ms of each timer of `timers`. */
export const TIMER = 4_000;

/** A sleep, a retry's delay and a wait's timeout, each between two effects. */
@Workflow({ name: 'timers' })
export class TimersWorkflow {
  constructor(@Inject(Effects) private readonly effects: Effects) {}

  @Step()
  async nap() {
    await once('asleep', () => this.effects.leave('asleep'));
    await sleep(TIMER);
    await this.effects.leave('awake');
  }

  @Step({ retry: { maxAttempts: 2, initialDelay: TIMER, backoff: 'constant', jitter: false } })
  async retried() {
    await this.effects.leave(currentAttempt() === 1 ? 'failed' : 'retried');
    if (currentAttempt() === 1) throw new Error('the first attempt fails');
  }

  @Step()
  async timeout() {
    await once('waiting', () => this.effects.leave('waiting'));
    await waitForEvent('never', { timeout: TIMER, timeoutValue: null });
    await this.effects.leave('timed out');
  }
}

/** What TimersWorkflow leaves before and after each timer. */
export const TIMERS = [
  ['asleep', 'awake'],
  ['failed', 'retried'],
  ['waiting', 'timed out'],
] as const;

/** Four steps, one on another queue, all to be undone: each in the reverse of the order in which they were made. */
@Workflow({ name: 'undone' })
export class UndoneWorkflow {
  constructor(@Inject(Effects) private readonly effects: Effects) {}

  @Step({ compensate: 'undoA' })
  async a() {
    await once('a', () => this.effects.leave());
    await sleep(500);
  }

  @Step({ compensate: 'undoB', queue: 'elsewhere' })
  async b() {
    await once('b', () => this.effects.leave());
  }

  @Step({ compensate: 'undoC' })
  async c() {
    await once('c', () => this.effects.leave());
    await sleep(500);
  }

  @Step()
  fail() {
    throw new Error('to be undone');
  }

  @Compensate()
  async undoA() {
    await this.effects.leave('undo a');
  }

  @Compensate()
  async undoB() {
    await this.effects.leave('undo b');
  }

  @Compensate()
  async undoC() {
    await this.effects.leave('undo c');
  }
}

export const UNDONE = ['a', 'b', 'c', 'undo c', 'undo b', 'undo a'];

/** A run each second. */
@Workflow({ name: 'tick' })
@Schedule({ cron: '* * * * * *', name: 'tick' })
export class TickWorkflow {
  constructor(@Inject(Effects) private readonly effects: Effects) {}

  @Step()
  async tick() {
    await this.effects.leave(`tick ${scheduledTime()?.toISOString()}`);
  }
}

export const timedWorkflows = [TimersWorkflow, UndoneWorkflow, TickWorkflow];
