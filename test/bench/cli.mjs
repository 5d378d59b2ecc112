import { NestFactory } from '@nestjs/core';
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { quantile, workflow } from './figures.mjs';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const RUNS = 100;
/** Calls of each command, in turns; the first of each finds nothing in the cache, and does not count. */
const CALLS = 21;
/** ms of the median. */
const BAR = 400;

/**
 * ms from the start of a command to its end, so until the shell's prompt is back: on a database of some runs, with no app. Beside
 * them what Node takes that does nothing.
 */
export async function cli({ url }) {
  const run = await filled(url);
  const nest = (...words) => [words.join(' '), [MAIN, ...words.map((word) => (word === 'RUN' ? run : word))]];
  const commands = [
    ['node, which does nothing', ['--eval', '0']],
    nest('--help'),
    nest('list'),
    nest('list', '--status', 'failed', '--json'),
    nest('inspect', 'RUN'),
    nest('status'),
    nest('queues'),
    nest('schedules'),
    nest('pending'),
    nest('doctor'),
  ];
  const taken = commands.map(() => []);
  for (let n = 0; n < CALLS; n += 1) {
    for (const [at, [, words]] of commands.entries()) {
      const ms = await timeOf(words, url);
      if (n > 0) taken[at].push(ms);
    }
  }
  return {
    runs: RUNS,
    bar: BAR,
    commands: commands.map(([name], at) => ({ name, p50: quantile(taken[at], 0.5), p95: quantile(taken[at], 0.95) })),
  };
}

/** Runs of three steps, of which some failed. @returns the id of one of these */
async function filled(url) {
  const { DurableClient, DurableModule, Step, Workflow } = await import('../../dist/index.js');
  const step = [Step(), () => ({})];
  const last = [
    Step({ retry: { maxAttempts: 1 } }),
    ({ n }) => {
      if (n % 10 === 0) throw new Error(`order ${n} was refused`);
    },
  ];
  const Order = workflow(Workflow, 'order', { check: step, charge: step, ship: last });
  const app = await NestFactory.createApplicationContext(
    { module: class CliModule {}, imports: [DurableModule.forRoot({ database: { url } })], providers: [Order] },
    { logger: false, abortOnError: false },
  );
  try {
    const inputs = Array.from({ length: RUNS }, (_, n) => ({ input: { n } }));
    const runs = await app.get(DurableClient).startMany(Order, inputs);
    await Promise.allSettled(runs.map((run) => run.result()));
    return runs[0].id;
  } finally {
    await app.close();
  }
}

function timeOf(words, url) {
  const begun = performance.now();
  const child = spawn(process.execPath, words, {
    env: { ...process.env, DATABASE_URL: url },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    // doctor says by its code what it has found.
    child.once('exit', (code) =>
      code === 0 || (code === 1 && words.includes('doctor'))
        ? resolve(performance.now() - begun)
        : reject(new Error(`${words.join(' ')} ended with ${code}`)),
    );
  });
}
