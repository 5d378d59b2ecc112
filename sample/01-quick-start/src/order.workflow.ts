import { Injectable, Logger } from '@nestjs/common';
import { currentAttempt, minutes, Step, stepSignal, Workflow } from 'nest-durable';
import { setTimeout as pause } from 'node:timers/promises';

export interface OrderInput {
  id: string;
  items: string[];
  amount: number;
}

interface Order extends OrderInput {
  chargeId?: string;
  trackingNumber?: string;
}

/** Stands for a payment provider. */
@Injectable()
export class PaymentService {
  charge(orderId: string): string {
    return `ch_${orderId}`;
  }
}

@Workflow({ name: 'process_order', timeout: minutes(10) })
export class OrderWorkflow {
  private readonly log = new Logger(OrderWorkflow.name);

  constructor(private readonly payments: PaymentService) {}

  @Step()
  validate(input: OrderInput): Order {
    this.log.log(`order ${input.id}: validate`);
    return { ...input };
  }

  @Step({ retry: { maxAttempts: 3, initialDelay: 500 } })
  charge(order: Order): Order {
    this.log.log(`order ${order.id}: charge, attempt ${currentAttempt()}`);
    return { ...order, chargeId: this.payments.charge(order.id) };
  }

  /** Slow on purpose: kill the process in the middle of it, start it again, and the order is finished. */
  @Step()
  async pack(order: Order): Promise<void> {
    this.log.log(`order ${order.id}: pack, this takes 10 s`);
    await pause(10_000, undefined, { signal: stepSignal() });
  }

  @Step()
  ship(order: Order): Order {
    this.log.log(`order ${order.id}: ship`);
    return { ...order, trackingNumber: `track-${order.id}` };
  }
}
