import { Injectable, Logger } from '@nestjs/common';
import { DurableWorkflow, once, Schedule, scheduledTime, Step, Workflow } from 'nest-durable';

export interface ReportInput {
  /** ISO date; left out, the day before the due time. */
  day?: string;
}

export interface Report {
  day: string;
  orders: number;
  revenue: number;
  sentTo: string;
}

/** Stands for the shop's database and a mail server. */
@Injectable()
export class SalesService {
  sales(day: string): { orders: number; revenue: number } {
    const orders = 20 + (Number(day.slice(-2)) % 10);
    return { orders, revenue: orders * 25 };
  }

  async mail(to: string, text: string): Promise<string> {
    new Logger('Mail').log(`to ${to}: ${text}`);
    return to;
  }
}

/**
 * The report of a working day on the next morning. `catchUp: 'all'`: after an outage none of them is missing.
 * `overlap: 'skip'`: where a report takes longer than a day, the next one does not run beside it.
 */
@Workflow({ name: 'sales_report' })
@Schedule({
  name: 'daily_report',
  cron: '0 7 * * TUE-SAT',
  timezone: 'Europe/Berlin',
  catchUp: 'all',
  overlap: 'skip',
})
@Schedule({ name: 'demo_report', cron: '*/10 * * * * *' })
export class ReportWorkflow extends DurableWorkflow<ReportInput, Report> {
  constructor(private readonly sales: SalesService) {
    super();
  }

  /** The day comes from the due time, not from the clock: a run that is late, or runs again, reports the same day. */
  @Step()
  pickDay({ day }: ReportInput): ReportInput {
    const due = scheduledTime() ?? new Date();
    return { day: day ?? new Date(due.getTime() - 86_400_000).toISOString().slice(0, 10) };
  }

  @Step({ retry: { maxAttempts: 5 } })
  collect({ day = '' }: ReportInput): Partial<Report> {
    return { day, ...this.sales.sales(day) };
  }

  @Step({ retry: { maxAttempts: 5 } })
  async send(report: Report): Promise<Report> {
    const text = `${report.day}: ${report.orders} orders, ${report.revenue} EUR`;
    const sentTo = await once('mail', () => this.sales.mail('sales@example.com', text));
    return { ...report, sentTo };
  }
}
