import { Injectable } from '@nestjs/common';
import { Compensate, DurableWorkflow, FatalError, hours, once, Step, waitForAny, Workflow } from 'nest-durable';

export interface Cart {
  orderId: string;
  amount: number;
}

export interface Payment {
  paymentId: string;
  /** In cents. */
  amount: number;
}

interface Order extends Cart {
  intent?: string;
  payments?: Payment[];
  invoice?: string;
  status?: 'paid';
}

/** Stands for a payment provider, which calls back by a webhook, and for the stock. */
@Injectable()
export class ShopService {
  readonly stock = new Map<string, string>();

  createIntent(orderId: string, amount: number): string {
    return `pi_${orderId}_${amount}`;
  }

  reserve(orderId: string): void {
    this.stock.set(orderId, 'reserved');
  }

  release(orderId: string): void {
    this.stock.set(orderId, 'released');
  }
}

/**
 * An order that is paid by somebody else's page. What the provider says comes as events, in any order, early or twice;
 * the run takes each once, and goes on when the whole amount is there.
 */
@Workflow({ name: 'checkout' })
export class CheckoutWorkflow extends DurableWorkflow<Cart, Order> {
  constructor(private readonly shop: ShopService) {
    super();
  }

  @Step({ compensate: 'release' })
  reserve({ orderId }: Cart): void {
    this.shop.reserve(orderId);
  }

  @Step()
  async collect(cart: Cart): Promise<Order> {
    const intent = await once('intent', () => this.shop.createIntent(cart.orderId, cart.amount));
    const payments: Payment[] = [];
    // A step may wait any number of times: those that are over give at once what they gave before.
    while (payments.reduce((sum, one) => sum + one.amount, 0) < cart.amount) {
      const [name, payment] = await waitForAny<Payment>(['payment.succeeded', 'payment.failed'], {
        timeout: hours(24),
      });
      if (name === 'payment.failed')
        throw new FatalError(`Payment ${payment.paymentId} of order ${cart.orderId} was declined`);
      payments.push(payment);
    }
    return { ...cart, intent, payments };
  }

  @Step()
  invoice(order: Order): Order {
    return { ...order, invoice: `INV-${order.orderId}`, status: 'paid' };
  }

  @Compensate()
  release({ orderId }: Cart): void {
    this.shop.release(orderId);
  }
}
