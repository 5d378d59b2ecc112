import { Compensate, DurableWorkflow, FatalError, Step, waitForEvent, Workflow } from 'nest-durable';
import { WarehouseService } from './warehouse.service.js';

export interface ShipmentInput {
  orderId: string;
  warehouse: string;
  items: string[];
}

export interface Shipment extends ShipmentInput {
  reservation?: string;
  parcel?: string;
}

/** What one warehouse does for an order. A run of its own: it can be watched, cancelled and retried by itself. */
@Workflow({ name: 'shipment', queue: 'warehouse' })
export class ShipmentWorkflow extends DurableWorkflow<ShipmentInput, Shipment> {
  constructor(private readonly warehouse: WarehouseService) {
    super();
  }

  @Step({ compensate: 'putBack' })
  reserve(shipment: Shipment): Shipment {
    if (shipment.items.includes('unicorn')) throw new FatalError(`${shipment.warehouse} has no unicorns`);
    return { ...shipment, reservation: this.warehouse.reserve(shipment.orderId, shipment.warehouse) };
  }

  /** Somebody packs it; a scanner says so. */
  @Step()
  async pack(shipment: Shipment): Promise<Shipment> {
    const parcel = await waitForEvent<string>('packed');
    return { ...shipment, parcel };
  }

  @Compensate()
  putBack({ orderId, warehouse }: Shipment): void {
    this.warehouse.putBack(orderId, warehouse);
  }
}
