import { Logger } from '@nestjs/common';
import { DurableWorkflow, ForEach, minutes, Schedule, scheduledTime, sleep, Step, Workflow } from 'nest-durable';
import { FileFormatError, numberOf, World } from '../world.js';

interface Report {
  day?: string;
  orders?: number;
}

/** Every morning, and each minute so that there is something to see. */
@Workflow({ name: 'sales_report', queue: 'reports', description: 'What was sold yesterday.' })
@Schedule({ name: 'daily_report', cron: '0 7 * * MON-FRI', timezone: 'Europe/Berlin', overlap: 'skip' })
@Schedule({ name: 'minute_report', cron: '* * * * *' })
export class ReportWorkflow extends DurableWorkflow<Report, Report> {
  constructor(private readonly world: World) {
    super();
  }

  @Step()
  pickDay(report: Report): Report {
    return { day: report.day ?? (scheduledTime() ?? new Date()).toISOString().slice(0, 10) };
  }

  @Step()
  async collect(report: Report): Promise<Report> {
    await this.world.takes(20);
    return { ...report, orders: 4_210 };
  }
}

export interface ImportInput {
  file: string;
  lines: number;
}

/** Books the lines of a file; one in eight files is not what it says. */
@Workflow({ name: 'invoice_import', queue: 'reports', description: 'Parses a file, books each line.' })
@Schedule({ name: 'stock_sync', cron: '*/20 * * * * *', input: { file: 'stock-12.csv', lines: 3 } })
@Schedule({ name: 'exchange_rates', cron: '0 6 * * *', input: { file: 'rates-5.csv', lines: 2 }, enabled: false })
export class ImportWorkflow extends DurableWorkflow<ImportInput, ImportInput> {
  private readonly log = new Logger('Import');

  constructor(private readonly world: World) {
    super();
  }

  @Step()
  async parse({ file }: ImportInput): Promise<void> {
    await this.world.takes(4);
    if (numberOf(file) % 8 === 5) throw new FileFormatError(`${file}, line 3: 9 columns are expected, 7 are there`);
  }

  @ForEach('book', { concurrency: 2, results: 'none' })
  lines({ file, lines }: ImportInput): string[] {
    return Array.from({ length: lines }, (_, line) => `${file}:${line + 1}`);
  }

  @Step()
  async book(line: string): Promise<void> {
    await this.world.takes(2);
    this.log.debug(`${line} is booked`);
  }
}

/** Tidies up in a queue that somebody has paused. */
@Workflow({
  name: 'export_data',
  queue: 'exports',
  timeout: minutes(60),
  description: 'Copies the shop for the archive.',
})
export class ExportWorkflow extends DurableWorkflow<{ table: string }, { table: string }> {
  constructor(private readonly world: World) {
    super();
  }

  @Step()
  async copy(): Promise<void> {
    await this.world.takes(30);
    await sleep(1_000);
  }
}
