import { Logger } from '@nestjs/common';
import {
  Compensate,
  FatalError,
  ForEach,
  once,
  Parallel,
  Schedule,
  sleep,
  Step,
  waitForApproval,
  waitForEvent,
  Workflow,
} from 'nest-durable';

export interface OrderInput {
  readonly card?: 'declined' | 'broken';
  readonly asks?: boolean;
  readonly waits?: boolean;
  readonly items?: number;
}

/** A workflow whose runs come to each state that the screens show. */
@Workflow({ name: 'order', description: 'Takes an order' })
export class OrderWorkflow {
  private readonly log = new Logger('Order');

  @Step()
  validate(order: OrderInput) {
    this.log.log('validating');
    return { ...order, valid: true };
  }

  @Step({ compensate: 'release' })
  reserve() {}

  @Step({ retry: { maxAttempts: 2, initialDelay: 1 } })
  charge({ card }: OrderInput) {
    this.log.warn('charging');
    if (card === 'broken') throw new FatalError('no such card 4711');
    if (card === 'declined') throw new Error('the card "4711" was declined');
  }

  @Parallel({ pack: 'pack', post: ['label', 'mail'] })
  deliver() {}

  @Step()
  pack() {}

  @Step()
  async label() {
    await once('printed', () => ({ label: 'L-1' }));
  }

  @Step()
  async mail({ waits }: OrderInput) {
    if (waits === true) await waitForEvent('collected');
  }

  @ForEach('count')
  lines({ items = 2 }: OrderInput) {
    return Array.from({ length: items }, (_, at) => at);
  }

  @Step()
  count(line: number) {
    if (line === 13) throw new FatalError('line 13');
    return line;
  }

  @Step()
  async approve({ asks }: OrderInput) {
    if (asks === true) await waitForApproval('release', { prompt: 'Release the order?', timeout: 86_400_000 });
  }

  @Compensate()
  release() {}
}

@Workflow({ name: 'nightly' })
@Schedule({ cron: '0 2 * * *' })
export class NightlyWorkflow {
  @Step()
  async rest() {
    await sleep(1);
  }
}

export const WORKFLOWS = [OrderWorkflow, NightlyWorkflow];
