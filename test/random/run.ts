import pg from 'pg';
import { parseArgs } from 'node:util';
import { startPostgres } from '../support/postgres-server.mjs';
import { Random } from '../support/random.js';
import { type Element, ELEMENTS, settingsOf } from './settings.js';
import { type Outcome, runTrial } from './trial.js';

/**
 * npm run test:random [-- --seconds=60 --seed=N --with=freeze,deploys]
 *
 * Random workflows under load, one seed after the other, for so long; the first of them is `--seed`. `--with` has such
 * elements in each of them. Exits with 1 where something is not as the plans say, with the seed, the plan and all that is
 * known of the run.
 */
const { values: flags } = parseArgs({
  options: { seconds: { type: 'string', default: '60' }, seed: { type: 'string' }, with: { type: 'string' } },
});
const seconds = Number(flags.seconds);
const first = flags.seed === undefined ? Math.floor(Math.random() * 1_000_000) : Number(flags.seed);
const wanted = (flags.with?.split(',') ?? []) as Element[];
if (!(seconds > 0) || !Number.isInteger(first)) throw new Error('--seconds: a number above 0; --seed: a whole number');
if (!wanted.every((one) => ELEMENTS.includes(one))) throw new Error(`--with: some of ${ELEMENTS.join(', ')}`);

// What the spec files' environment would end: here the process itself does.
Object.assign(globalThis, { testProcesses: new Map<unknown, unknown>() });

const server = await startPostgres({ fsync: 'off' });
const admin = new pg.Client({ connectionString: server.url });
admin.on('error', () => {});
await admin.connect();
try {
  const until = performance.now() + seconds * 1_000;
  for (let seed = first; seed === first || performance.now() < until; seed++) await tryOut(seed);
} finally {
  await admin.end();
  await server.close();
}

async function tryOut(seed: number): Promise<void> {
  const settings = settingsOf(new Random(seed ^ 0x5e77), {}, wanted);
  const { plans, runs, ...told } = settings;
  console.log(`seed ${seed}: ${runs} runs of ${plans} plans, ${JSON.stringify(told)}`);
  const began = performance.now();
  const database = `random_${seed}`;
  await admin.query(`CREATE DATABASE ${database}`);
  const url = new URL(server.url);
  url.pathname = `/${database}`;
  try {
    report(seed, await runTrial(seed, settings, url.href), Math.round((performance.now() - began) / 1_000));
  } finally {
    await admin.query(`DROP DATABASE ${database} WITH (FORCE)`);
  }
}

function report(seed: number, { runs, records, injected, faults, accounts }: Outcome, took: number): void {
  console.log(
    `  ${runs} runs, ${records} records, ${injected} faults injected, ${took} s: ${faults.length} faults found`,
  );
  if (faults.length === 0) return;
  process.exitCode = 1;
  const lines = faults.slice(0, 40).map(({ run, what }) => `  ${run === null ? '' : `run ${run} `}${what}`);
  const elements = wanted.length === 0 ? '' : ` --with=${wanted.join(',')}`;
  console.log(
    [...lines, ...accounts, `Again: npm run test:random -- --seconds=1 --seed=${seed}${elements}`].join('\n'),
  );
}
