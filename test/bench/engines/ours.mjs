import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';

/** Starts in one `startMany`: within the limits of a statement's size, far above what one round trip needs. */
const CHUNK = 500;

/** The built package with its default options; only the queue's `concurrency` is set. */
export async function create({ url, steps, onStep, concurrency }) {
  const { DurableClient, DurableModule, DurableQueues, Step, Workflow } = await import('../../../dist/index.js');
  const Bench = workflowOf(steps, onStep, Step, Workflow);

  const app = (workers) =>
    NestFactory.createApplicationContext(
      {
        module: class BenchModule {},
        imports: [DurableModule.forRoot({ database: { url }, workers, queues: { default: { concurrency } } })],
        providers: [Bench],
      },
      { logger: ['error', 'warn'], abortOnError: false },
    );

  let worker;
  let client;
  return {
    enqueue: async (inputs) => {
      const producer = await app(false);
      const starts = inputs.map((input) => ({ input }));
      for (let at = 0; at < starts.length; at += CHUNK) {
        await producer.get(DurableClient).startMany(Bench, starts.slice(at, at + CHUNK));
      }
      await producer.close();
    },
    start: async () => {
      worker = await app(true);
      client = worker.get(DurableClient);
    },
    completed: () => client.countExecutions({ status: 'completed' }),
    stop: () => worker.close(),
    runs: { direct: async (input) => (await client.start(Bench, input)).result() },
    /** A client that stays open, and may stop the queue. */
    open: async () => {
      const outside = await app(false);
      const [starts, queues] = [outside.get(DurableClient), outside.get(DurableQueues)];
      return {
        start: (input) => starts.start(Bench, input),
        enqueue: async (inputs) => {
          for (let at = 0; at < inputs.length; at += CHUNK)
            await starts.startMany(
              Bench,
              inputs.slice(at, at + CHUNK).map((input) => ({ input })),
            );
        },
        completed: () => starts.countExecutions({ status: 'completed' }),
        pause: () => queues.pause('default'),
        resume: () => queues.resume('default'),
        close: () => outside.close(),
      };
    },
    close: async () => {},
  };
}

/** A class of `steps` steps; the decorators are called the way compiled TypeScript calls them. */
function workflowOf(steps, onStep, Step, Workflow) {
  class Bench {}
  for (let index = 0; index < steps; index += 1) {
    const descriptor = {
      value: async (data) => {
        onStep();
        return { ...data, n: data.n + 1 };
      },
      writable: true,
      configurable: true,
    };
    Object.defineProperty(Bench.prototype, `step${index}`, descriptor);
    const decorated = Step()(Bench.prototype, `step${index}`, descriptor);
    if (decorated) Object.defineProperty(Bench.prototype, `step${index}`, decorated);
  }
  return Workflow({ name: 'bench' })(Bench) ?? Bench;
}
