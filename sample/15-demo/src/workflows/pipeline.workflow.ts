import {
  callWorkflow,
  Compensate,
  days,
  DurableWorkflow,
  ForEach,
  type SettledResult,
  Step,
  unwrap,
  waitForEvent,
  Workflow,
} from 'nest-durable';
import { World } from '../world.js';

export interface ShipmentInput {
  orderId: string;
  warehouse: string;
}

export interface Shipment extends ShipmentInput {
  reservation?: string;
  parcel?: string;
}

/** What one warehouse does for an order: somebody packs it, and a scanner says so. */
@Workflow({ name: 'shipment', queue: 'warehouse', description: 'What one warehouse does for an order.' })
export class ShipmentWorkflow extends DurableWorkflow<ShipmentInput, Shipment> {
  constructor(private readonly world: World) {
    super();
  }

  @Step({ compensate: 'putBack' })
  async reserve(shipment: Shipment): Promise<Shipment> {
    await this.world.takes(8);
    return { ...shipment, reservation: `${shipment.warehouse}-${shipment.orderId}` };
  }

  @Step()
  async pack(shipment: Shipment): Promise<Shipment> {
    const parcel = await waitForEvent<string>('parcel_packed', { timeout: days(5) });
    return { ...shipment, parcel };
  }

  @Compensate()
  async putBack(): Promise<void> {
    await this.world.takes(2);
  }
}

export interface PipelineInput {
  orderId: string;
  warehouses: string[];
}

interface Pipeline extends PipelineInput {
  parcels?: string[];
}

/** An order whose parts are runs of their own. */
@Workflow({ name: 'order_pipeline', description: 'An order from several warehouses; its parts are runs of their own.' })
export class PipelineWorkflow extends DurableWorkflow<PipelineInput, Pipeline> {
  constructor(private readonly world: World) {
    super();
  }

  @Step()
  async split({ warehouses }: Pipeline): Promise<void> {
    await this.world.takes(warehouses.length);
  }

  @ForEach('ship')
  byWarehouse({ orderId, warehouses }: Pipeline): ShipmentInput[] {
    return warehouses.map((warehouse) => ({ orderId, warehouse }));
  }

  @Step()
  ship(shipment: ShipmentInput): Promise<Shipment> {
    return callWorkflow(ShipmentWorkflow, shipment);
  }

  @Step()
  parcels({ __results__, ...order }: Pipeline & { __results__: SettledResult<Shipment>[] }): Pipeline {
    return { ...order, parcels: unwrap(__results__).map(({ parcel }) => parcel ?? '') };
  }
}
