import { Injectable } from '@nestjs/common';
import { days, DurableWorkflow, once, sleep, Step, waitForEvent, Workflow } from 'nest-durable';
import { assign } from 'nest-durable/helpers';

@Injectable()
export class PaymentService {
  charge(id: string): string {
    return `charge of ${id}`;
  }
}

export interface OrderInput {
  id: string;
}

export interface Receipt extends OrderInput {
  chargeId: string;
  parcel: string;
}

@Workflow({ name: 'process_order' })
export class OrderWorkflow extends DurableWorkflow<OrderInput, Receipt> {
  constructor(private readonly payments: PaymentService) {
    super();
  }

  @Step({ retry: { maxAttempts: 3 } })
  async charge(order: OrderInput) {
    return assign(order, 'chargeId', await once('charge', () => this.payments.charge(order.id)));
  }

  @Step()
  async ship(order: OrderInput) {
    return { ...order, parcel: await waitForEvent<string>('packed') };
  }
}

@Workflow({ name: 'reminder' })
export class ReminderWorkflow {
  @Step()
  async remind(data: { user: string }) {
    await sleep(days(3));
    return { ...data, reminded: true };
  }
}
