import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { currentAttempt, DurableModule, workflowId } from 'nest-durable';
import pg from 'pg';
import { encode } from '../../lib/core/codec/codec.js';
import { classOf, type Probe } from './plan-class.js';
import { plansFrom } from './seeds.js';

/** A worker process for the random trees: it is killed, so each call is noted over a connection of its own. */
const [url = '', first = '', count = ''] = process.argv.slice(2);
const notes = new pg.Pool({ connectionString: url, max: 8 });

const probe: Probe = {
  async begin(_plan, member, args) {
    const { rows } = await notes.query<{ round: number }>(
      `INSERT INTO calls (run, member, attempt, args, round)
       SELECT id, $2, $3, $4, round FROM durable.workflow_executions WHERE id = $1
       RETURNING round`,
      [workflowId(), member, currentAttempt(), encode(args)],
    );
    const [row] = rows;
    if (row === undefined) throw new Error(`There is no run ${workflowId()}`);
    return row.round;
  },
};

@Module({
  imports: [
    DurableModule.forRoot({
      database: { url },
      queues: { default: { concurrency: 40 }, elsewhere: { concurrency: 40 } },
    }),
  ],
  providers: Array.from(plansFrom(Number(first), Number(count)), (plan) => classOf(plan, probe, 'elsewhere')),
})
class WorkerModule {}

const app = await NestFactory.createApplicationContext(WorkerModule, { logger: ['error'] });
app.enableShutdownHooks();
process.send?.('up');
