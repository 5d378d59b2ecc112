import 'reflect-metadata';
import { Inject, Module, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { DurableModule, Schedule, scheduledTime, Step, waitForEvent, Workflow } from 'nest-durable';
import { writeSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { Effects } from './effects.js';

/** A process of one of two versions of the code, for tests of deploys. */
export interface PodSettings {
  readonly url: string;
  /** Of effects. */
  readonly effectsUrl: string;
  readonly version: 1 | 2;
}

const { url, effectsUrl, version } = JSON.parse(process.argv[2] ?? '{}') as PodSettings;
const concurrency = { key: (input: { key: string }) => input.key, limit: 2 };

class Report {
  constructor(@Inject(Effects) protected readonly effects: Effects) {}

  @Step()
  async collect() {
    await this.effects.leave(`tick ${scheduledTime()?.toISOString()}`);
  }
}

@Workflow({ name: 'report' })
@Schedule({ name: 'tick', cron: '* * * * * *', catchUp: 'all' })
@Schedule({ name: 'old', cron: '0 0 1 1 *' })
class EarlyReport extends Report {}

@Workflow({ name: 'report' })
@Schedule({ name: 'tick', cron: '*/2 * * * * *', catchUp: 'all' })
@Schedule({ name: 'fresh', cron: '0 0 1 1 *' })
class LateReport extends Report {
  @Step()
  send(): void {}
}

@Workflow({ name: 'order', concurrency })
class EarlyOrder {
  constructor(@Inject(Effects) private readonly effects: Effects) {}

  @Step()
  async place() {
    await this.effects.leave();
    await pause(20);
  }

  @Step({ queue: 'narrow' })
  async pack() {
    await this.effects.leave();
    await pause(20);
  }

  @Step()
  async approve(data: object) {
    return { ...data, approved: await waitForEvent('approved') };
  }

  @Step()
  async close() {
    await this.effects.leave();
  }
}

/** Has one step more, before the last. */
@Workflow({ name: 'order', concurrency })
class LateOrder {
  constructor(@Inject(Effects) private readonly effects: Effects) {}

  @Step()
  async place() {
    await this.effects.leave();
    await pause(20);
  }

  @Step({ queue: 'narrow' })
  async pack() {
    await this.effects.leave();
    await pause(20);
  }

  @Step()
  async approve(data: object) {
    return { ...data, approved: await waitForEvent('approved') };
  }

  @Step()
  async bill() {
    await this.effects.leave();
  }

  @Step()
  async close() {
    await this.effects.leave();
  }
}

const workflows: Type[] = version === 1 ? [EarlyReport, EarlyOrder] : [LateReport, LateOrder];

@Module({
  imports: [
    DurableModule.forRoot({
      database: { url },
      queues: { default: {}, narrow: { globalConcurrency: version === 1 ? 3 : 2 } },
      shutdownTimeout: 2_000,
      abortGrace: 500,
    }),
  ],
  providers: [
    {
      provide: Effects,
      useValue: new Effects(new pg.Pool({ connectionString: effectsUrl, max: 5 }), `version ${version}`),
    },
    ...workflows,
  ],
})
class PodModule {}

const app = await NestFactory.createApplicationContext(PodModule, { logger: ['error', 'warn'] });
app.enableShutdownHooks();
writeSync(1, `${JSON.stringify({ event: 'up' })}\n`);
