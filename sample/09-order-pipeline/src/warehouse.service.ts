import { Injectable } from '@nestjs/common';

/** Stands for the systems of the warehouses. */
@Injectable()
export class WarehouseService {
  readonly ledger: string[] = [];

  /** Which warehouse has what: by the first letter. */
  whereIs(item: string): string {
    return item < 'n' ? 'north' : 'south';
  }

  reserve(orderId: string, warehouse: string): string {
    this.ledger.push(`${orderId} reserved in ${warehouse}`);
    return `${warehouse}-${orderId}`;
  }

  putBack(orderId: string, warehouse: string): void {
    this.ledger.push(`${orderId} put back in ${warehouse}`);
  }
}
