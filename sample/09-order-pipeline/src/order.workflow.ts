import {
  callWorkflow,
  days,
  DurableWorkflow,
  ForEach,
  Parallel,
  type ParallelResults,
  type SettledResult,
  startWorkflow,
  Step,
  unwrap,
  Workflow,
} from 'nest-durable';
import { ReceiptWorkflow } from './receipt.workflow.js';
import { type Shipment, type ShipmentInput, ShipmentWorkflow } from './shipment.workflow.js';
import { WarehouseService } from './warehouse.service.js';

export interface OrderInput {
  orderId: string;
  items: string[];
}

interface Order extends OrderInput {
  parcels?: string[];
  points?: number;
  receipt?: string;
}

/**
 * An order whose parts are runs of their own: a shipment for each warehouse, which may take days. When one fails, the
 * order fails, and the shipments that are still under way are cancelled.
 */
@Workflow({ name: 'order_pipeline' })
export class OrderWorkflow extends DurableWorkflow<OrderInput, Order> {
  constructor(private readonly warehouse: WarehouseService) {
    super();
  }

  @Parallel({ shipping: ['byWarehouse', 'parcels'], points: 'bookPoints' })
  fulfil(
    order: Order,
    results: ParallelResults<{ shipping: { parcels: string[] }; points: { points: number } }>,
  ): Order {
    const { shipping, points } = unwrap(results);
    return { ...order, parcels: shipping.parcels, points: points.points };
  }

  @ForEach('ship')
  byWarehouse({ orderId, items }: Order): ShipmentInput[] {
    const warehouses = [...new Set(items.map((item) => this.warehouse.whereIs(item)))].toSorted();
    return warehouses.map((warehouse) => ({
      orderId,
      warehouse,
      items: items.filter((item) => this.warehouse.whereIs(item) === warehouse),
    }));
  }

  /** Waits for the child: no worker is held meanwhile. After a crash the same call gives the same child. */
  @Step()
  ship(shipment: ShipmentInput): Promise<Shipment> {
    return callWorkflow(ShipmentWorkflow, shipment, { timeout: days(5) });
  }

  @Step()
  parcels({ __results__ }: Order & { __results__: SettledResult<Shipment>[] }): { parcels: string[] } {
    return { parcels: unwrap(__results__).map(({ parcel }) => parcel ?? '') };
  }

  @Step()
  bookPoints({ items }: Order): { points: number } {
    return { points: items.length * 10 };
  }

  /** Starts a child and does not wait for it: the order is done whether or not the mail server is up. */
  @Step()
  async receipt(order: Order): Promise<Order> {
    const receipt = await startWorkflow(ReceiptWorkflow, { orderId: order.orderId, parcels: order.parcels ?? [] });
    return { ...order, receipt };
  }
}
