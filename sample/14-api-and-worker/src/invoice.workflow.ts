import { Logger } from '@nestjs/common';
import { DurableWorkflow, seconds, sleep, Step, Workflow } from 'nest-durable';

export interface InvoiceInput {
  order: string;
  amount: number;
}

export interface Invoice extends InvoiceInput {
  number: string;
  /** The process that wrote it. */
  writtenBy: number;
  sent?: boolean;
}

/** The API knows the class by its name alone; only the worker has it among its providers. */
@Workflow({ name: 'invoice' })
export class InvoiceWorkflow extends DurableWorkflow<InvoiceInput, Invoice> {
  private readonly log = new Logger(InvoiceWorkflow.name);

  @Step()
  write(input: InvoiceInput): Invoice {
    this.log.log(`invoice for ${input.order}, in process ${process.pid}`);
    return { ...input, number: `R-${input.order}`, writtenBy: process.pid };
  }

  @Step()
  async send(invoice: Invoice): Promise<Invoice> {
    await sleep(seconds(1));
    return { ...invoice, sent: true };
  }
}
