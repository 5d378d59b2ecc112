import { Branch, Decision, DurableWorkflow, finish, goto, Step, Workflow } from 'nest-durable';

export interface OrderInput {
  id: string;
  /** ISO code. */
  country: string;
  amount: number;
  express: boolean;
}

interface Order extends OrderInput {
  warehouse?: number;
  carrier?: string;
  papers?: string[];
  outcome?: string;
}

const HOME = 'DE';
const NEIGHBOURS = ['AT', 'CH', 'FR', 'PL'];
/** Only the last one has everything. */
const WAREHOUSES = 3;

/** Routes orders: branches within branches, and decisions that jump forwards, backwards, or end the run. */
@Workflow({ name: 'order_routing' })
export class OrderRoutingWorkflow extends DurableWorkflow<OrderInput, Order> {
  /** Jumps forwards, over all that ships. */
  @Decision({ goto: ['reject'] })
  screen(order: Order) {
    return order.amount > 50_000 ? goto('reject', { ...order, outcome: 'too expensive' }) : order;
  }

  /** By a string; what is neither near nor at home goes by sea. */
  @Branch({ home: ['pickWarehouse', 'checkStock', 'homeCarrier'], near: ['customs', 'truck'], default: 'ship' })
  route(order: Order): string {
    if (order.country === HOME) return 'home';
    return NEIGHBOURS.includes(order.country) ? 'near' : 'far';
  }

  @Step()
  pickWarehouse(order: Order): Order {
    return { ...order, warehouse: (order.warehouse ?? 0) + 1 };
  }

  /** Jumps backwards until a warehouse has it. */
  @Decision({ goto: ['pickWarehouse'], maxVisits: WAREHOUSES })
  checkStock(order: Order) {
    return order.amount > 1_000 && order.warehouse !== WAREHOUSES ? goto('pickWarehouse') : order;
  }

  /** By a boolean, inside the arm of another branch. */
  @Branch({ true: 'courier', false: 'post' })
  homeCarrier(order: Order): boolean {
    return order.express;
  }

  @Step()
  courier(order: Order): Order {
    return { ...order, carrier: 'courier' };
  }

  @Step()
  post(order: Order): Order {
    return { ...order, carrier: 'post' };
  }

  /** By a number: how many papers the value asks for. */
  @Branch({ 0: 'noPapers', 1: 'invoice', 2: ['invoiceAndOrigin', 'announce'] })
  customs(order: Order): number {
    if (order.country !== 'CH') return 0;
    return order.amount < 1_000 ? 1 : 2;
  }

  @Step()
  noPapers(order: Order): Order {
    return { ...order, papers: [] };
  }

  @Step()
  invoice(order: Order): Order {
    return { ...order, papers: ['invoice'] };
  }

  @Step()
  invoiceAndOrigin(order: Order): Order {
    return { ...order, papers: ['invoice', 'proof of origin'] };
  }

  @Step()
  announce(order: Order): Order {
    return { ...order, papers: [...(order.papers ?? []), 'announcement'] };
  }

  @Step()
  truck(order: Order): Order {
    return { ...order, carrier: 'truck' };
  }

  @Step()
  ship(order: Order): Order {
    return { ...order, carrier: 'ship' };
  }

  /** Ends the run before the member that rejected orders jump to. */
  @Decision()
  confirm(order: Order) {
    return finish({ ...order, outcome: 'on its way' });
  }

  @Step()
  reject(order: Order): Order {
    return { ...order, outcome: `rejected: ${order.outcome}` };
  }
}
