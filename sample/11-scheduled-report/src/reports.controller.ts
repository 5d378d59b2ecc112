import { Body, Controller, Get, Param, Post } from '@nestjs/common';
import { DurableClient, type StoredSchedule } from 'nest-durable';
import type { Report, ReportInput } from './report.workflow.js';

@Controller('reports')
export class ReportsController {
  constructor(private readonly durable: DurableClient) {}

  /** The schedules, each with its next three due times. */
  @Get('schedules')
  async schedules(): Promise<object[]> {
    const schedules = await this.durable.listSchedules();
    return Promise.all(schedules.map(async (one) => ({ ...one, next: await this.durable.nextRuns(one.name, 3) })));
  }

  /** A report now; with `{ "day": "2026-01-31" }` of that day. */
  @Post()
  async report(@Body() input: ReportInput | undefined): Promise<Report> {
    const run = await this.durable.triggerSchedule<Report>('daily_report', { input: input ?? {} });
    return run.result();
  }

  /** Another time of day, until the next `reset`. */
  @Post('schedules/:name')
  update(@Param('name') name: string, @Body() changes: { cron?: string; reset?: boolean }): Promise<StoredSchedule> {
    return this.durable.updateSchedule(name, changes);
  }

  @Post('schedules/:name/:state')
  toggle(@Param('name') name: string, @Param('state') state: string): Promise<StoredSchedule> {
    return state === 'off' ? this.durable.disableSchedule(name) : this.durable.enableSchedule(name);
  }
}
