import { DurableWorkflow, Step, Workflow } from 'nest-durable';

/** Mails the receipt of an order. */
@Workflow({ name: 'receipt' })
export class ReceiptWorkflow extends DurableWorkflow<{ orderId: string; parcels: string[] }, { mail: string }> {
  @Step({ retry: { maxAttempts: 20 } })
  send({ orderId, parcels }: { orderId: string; parcels: string[] }): { mail: string } {
    return { mail: `Order ${orderId} is on its way in ${parcels.length} parcels` };
  }
}
