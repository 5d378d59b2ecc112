import { Module } from '@nestjs/common';
import { DurableModule, hours } from 'nest-durable';
import { DurableDashboardModule } from 'nest-durable/dashboard';
import { ShopService } from './shop.service.js';
import { World } from './world.js';
import { ExportWorkflow, ImportWorkflow, ReportWorkflow } from './workflows/back-office.workflows.js';
import { CampaignWorkflow } from './workflows/campaign.workflow.js';
import { ComplaintWorkflow } from './workflows/complaint.workflow.js';
import { DocumentWorkflow } from './workflows/document.workflow.js';
import { ExpenseWorkflow } from './workflows/expense.workflow.js';
import { OrderWorkflow } from './workflows/order.workflow.js';
import { PipelineWorkflow, ShipmentWorkflow } from './workflows/pipeline.workflow.js';
import { TrialWorkflow } from './workflows/trial.workflow.js';
import { TripWorkflow } from './workflows/trip.workflow.js';

@Module({
  imports: [
    DurableModule.forRoot({
      queues: {
        default: { concurrency: 20 },
        payments: { concurrency: 10, rateLimit: { limit: 300, period: 60_000, counts: 'attempts' } },
        ai: { concurrency: 4, globalConcurrency: 4 },
        warehouse: { concurrency: 10 },
        mail: { concurrency: 2 },
        reports: { concurrency: 4 },
        exports: { concurrency: 2 },
      },
      // The shop never closes: what has gone well is forgotten after some hours.
      retention: { completed: hours(6), failed: hours(24), compensated: hours(24), cancelled: hours(24) },
      // Its failures are seen in the dashboard.
      report: 'none',
      logs: { console: false, passthrough: false },
    }),
    DurableDashboardModule.forRoot({ title: 'acme-shop', badge: { label: 'demo', tone: 'plain' } }),
  ],
  providers: [
    ShopService,
    World,
    OrderWorkflow,
    PipelineWorkflow,
    ShipmentWorkflow,
    TripWorkflow,
    DocumentWorkflow,
    ExpenseWorkflow,
    ComplaintWorkflow,
    CampaignWorkflow,
    TrialWorkflow,
    ReportWorkflow,
    ImportWorkflow,
    ExportWorkflow,
  ],
})
export class AppModule {}
