import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { DurableModule, Step, Workflow, workflowId } from 'nest-durable';
import pg from 'pg';

/** A process with one version of a workflow, for the test that kills it. It leaves a mark for each step, and stands still at one. */
const [url = '', version = '', stands = '', limit = ''] = process.argv.slice(2);
const effects = new pg.Pool({ connectionString: url, max: 5 });

class Steps {
  protected async mark(data: object, step: string): Promise<object> {
    const label = `${version} at ${step}`;
    await effects.query('INSERT INTO effects (run, label) VALUES ($1, $2)', [workflowId(), label]);
    if (step === stands) await new Promise(() => {});
    return { ...data, [step]: true };
  }
}

@Workflow({ name: 'deployed' })
class EarlyWorkflow extends Steps {
  @Step()
  one(data: object) {
    return this.mark(data, 'one');
  }

  @Step()
  two(data: object) {
    return this.mark(data, 'two');
  }

  @Step()
  three(data: object) {
    return this.mark(data, 'three');
  }
}

@Workflow({ name: 'deployed' })
class LateWorkflow extends Steps {
  @Step()
  zero(data: object) {
    return this.mark(data, 'zero');
  }

  @Step()
  one(data: object) {
    return this.mark(data, 'one');
  }

  @Step()
  between(data: object) {
    return this.mark(data, 'between');
  }

  @Step()
  two(data: object) {
    return this.mark(data, 'two');
  }

  @Step()
  three(data: object) {
    return this.mark(data, 'three');
  }
}

const queue = limit === '' ? {} : { globalConcurrency: Number(limit) };

@Module({
  imports: [DurableModule.forRoot({ database: { url }, queues: { default: queue } })],
  providers: [version === 'early' ? EarlyWorkflow : LateWorkflow],
})
class PodModule {}

const app = await NestFactory.createApplicationContext(PodModule, { logger: false });
app.enableShutdownHooks();
process.send?.('up');
