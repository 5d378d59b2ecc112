import { Logger } from '@nestjs/common';
import {
  Branch,
  Compensate,
  DurableWorkflow,
  minutes,
  Parallel,
  type ParallelResults,
  Step,
  unwrap,
  Workflow,
} from 'nest-durable';
import { IsArray, IsBoolean, IsIn, IsOptional, IsString, Length, Max, Min } from 'class-validator';
import { World } from '../world.js';

export class OrderInput {
  @IsString()
  @Length(3, 40)
  id!: string;

  @IsString({ each: true })
  @IsArray()
  items!: string[];

  @Min(1)
  @Max(100_000)
  amount!: number;

  @IsIn(['DE', 'NO', 'FR', 'US'])
  country!: string;

  @IsBoolean()
  @IsOptional()
  express?: boolean;
}

interface Order extends OrderInput {
  reservation?: string;
  charge?: string;
  carrier?: string;
  papers?: string[];
  parcel?: string;
  invoice?: string;
}

/** The order of every web shop: stock, money, parcel. What fails after the charge gives the money back. */
@Workflow({
  name: 'process_order',
  input: OrderInput,
  timeout: minutes(30),
  description: 'Takes an order from the cart to the warehouse.',
})
export class OrderWorkflow extends DurableWorkflow<OrderInput, Order> {
  private readonly log = new Logger('Orders');

  constructor(private readonly world: World) {
    super();
  }

  @Step()
  async validate(order: Order): Promise<void> {
    await this.world.takes(1);
    this.log.log(`${order.id}: ${order.items.length} items for ${order.amount} EUR to ${order.country}`);
  }

  @Step({ compensate: 'putBack' })
  async reserve(order: Order): Promise<Order> {
    await this.world.takes(2);
    return { ...order, reservation: `R-${order.id}` };
  }

  @Step({ queue: 'payments', retry: { maxAttempts: 3, initialDelay: 4_000 }, compensate: 'refund' })
  async charge(order: Order): Promise<Order> {
    await this.world.takes(4);
    const charge = this.world.charge(order.id, order.amount);
    this.log.log(`${order.id}: charged as ${charge}`);
    return { ...order, charge };
  }

  @Branch({ home: 'post', default: ['customs', 'airFreight'] })
  route({ country }: Order): string {
    return country === 'US' ? 'abroad' : 'home';
  }

  @Step()
  async post(order: Order): Promise<Order> {
    await this.world.takes(1);
    return { ...order, carrier: order.express === true ? 'courier' : 'post' };
  }

  @Step()
  async customs(order: Order): Promise<Order> {
    await this.world.takes(6);
    return { ...order, papers: ['invoice', 'proof of origin'] };
  }

  @Step()
  async airFreight(order: Order): Promise<Order> {
    await this.world.takes(3);
    return { ...order, carrier: 'air' };
  }

  @Parallel({ parcel: 'pack', invoice: 'writeInvoice' })
  fulfil(order: Order, results: ParallelResults<{ parcel: Order; invoice: Order }>): Order {
    const { parcel, invoice } = unwrap(results);
    return { ...order, parcel: parcel.parcel, invoice: invoice.invoice };
  }

  @Step()
  async pack(order: Order): Promise<Order> {
    await this.world.takes(4 + order.items.length * 3);
    return { ...order, parcel: `P-${order.id}` };
  }

  @Step()
  async writeInvoice(order: Order): Promise<Order> {
    await this.world.takes(3);
    return { ...order, invoice: `I-${order.id}` };
  }

  @Step()
  async confirm(order: Order): Promise<void> {
    await this.world.takes(1);
    this.log.log(`${order.id}: ${order.parcel} goes by ${order.carrier}`);
  }

  @Compensate()
  putBack(order: Order): void {
    this.log.warn(`${order.reservation} is put back`);
  }

  @Compensate({ retry: { maxAttempts: 3 } })
  refund(order: Order): void {
    this.log.warn(`${order.charge} is given back`);
  }
}
