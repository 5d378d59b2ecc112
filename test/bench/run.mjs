import { execFileSync, fork, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { cpus, loadavg, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { CONTESTANTS } from './contestants.mjs';
import { COUNTS } from './processes.mjs';
import { render, write } from './report.mjs';
import { query, SETTINGS, startServer } from './server.mjs';

/** One measurement that takes longer than this has hung: it is killed and the benchmark fails. */
const CHILD_TIMEOUT = 15 * 60_000;

/** What may be measured by itself: an option each. */
const KINDS = [
  'throughput',
  'features',
  'idle',
  'memory',
  'processes',
  'history',
  'reads',
  'cli',
  'dashboard',
  'latency',
];
/** Of them, in the first round alone. */
const ONCE = ['history', 'reads', 'cli', 'dashboard'];
/** Of them, those that others take part in. */
const COMPARED = ['throughput', 'latency'];

const { values: flags } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
    only: { type: 'string', default: 'ours,dbos,peers,pg' },
    steps: { type: 'string', default: '1,3,10' },
    rounds: { type: 'string' },
    backlog: { type: 'string' },
    waiting: { type: 'string' },
    finished: { type: 'string' },
    runs: { type: 'string' },
    ...Object.fromEntries(KINDS.map((kind) => [kind, { type: 'boolean', default: false }])),
    read: { type: 'string', default: '' },
    data: { type: 'string' },
  },
});
/** What is measured; empty: all of it. */
const kinds = KINDS.filter((kind) => flags[kind]);
const rounds =
  kinds.length > 0 && kinds.every((kind) => ONCE.includes(kind)) ? 1 : Number(flags.rounds ?? (flags.quick ? 1 : 3));
const backlog = Number(flags.backlog ?? (flags.quick ? 300 : 5000));
const waiting = Number(flags.waiting ?? (flags.quick ? 10_000 : 1_000_000));
const finished = Number(flags.finished ?? (flags.quick ? 100_000 : 1_000_000));
const runs = Number(flags.runs ?? (flags.quick ? 20_000 : 1_000_000));
const stepCounts = flags.steps.split(',').map(Number);
const only = flags.only.split(',');
const chosen = Object.entries(CONTESTANTS)
  .filter(
    ([key, { group }]) =>
      (only.includes(group) || only.includes(key)) &&
      (kinds.length === 0 || kinds.some((kind) => COMPARED.includes(kind)) || group === 'ours'),
  )
  .filter(([, { name, needs }]) => {
    if (needs === undefined || spawnSync(needs, ['--version']).status === 0) return true;
    console.error(`${name} is left out: there is no ${needs}.`);
    return false;
  });

const faults = [
  ...only
    .filter((name) => !Object.entries(CONTESTANTS).some(([key, { group }]) => name === group || name === key))
    .map(
      (name) =>
        `--only: nobody is called ${JSON.stringify(name)}; known: ours, dbos, peers, pg, ${Object.keys(CONTESTANTS).join(', ')}`,
    ),
  ...[rounds, backlog, ...stepCounts]
    .filter((number) => !Number.isInteger(number) || number < 1)
    .map(() => '--rounds, --backlog and --steps take whole numbers from 1'),
  ...(flags.data === undefined || flags.reads ? [] : ['--data=DIR keeps what --reads has written: name both']),
];
const uses = (group) => chosen.some(([, contestant]) => contestant.group === group);
if (uses('ours') && !existsSync(fileURLToPath(new URL('../../dist/index.js', import.meta.url)))) {
  faults.push(
    'dist/index.js is missing: run `npm run build` first, or leave this engine out with --only=dbos,peers,pg',
  );
}
if (faults.length > 0) {
  console.error(faults.join('\n'));
  process.exit(1);
}

const peersDir = fileURLToPath(new URL('./peers', import.meta.url));
if ((uses('dbos') || uses('peers')) && !peersInstalled()) {
  console.error('Installing the other engines into test/bench/peers …');
  execFileSync('npm', ['ci', '--no-audit', '--no-fund'], { cwd: peersDir, stdio: ['ignore', 'ignore', 'inherit'] });
}

const loadBefore = loadavg()[0];
const children = new Set();
const starting = startServer(flags.data);
const stopAll = async () => {
  for (const child of children) child.kill('SIGKILL');
  // A start that failed has cleaned up behind itself; the error is thrown where the server is awaited.
  const started = await starting.catch(() => undefined);
  await started?.stop();
};
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => stopAll().finally(() => process.exit(1)));
const server = await starting;

try {
  const results = [];
  const inserts = [];
  for (let round = 1; round <= rounds; round += 1) {
    inserts.push(await committedInsert());
    for (const job of jobs(round)) {
      if (kinds.length > 0 && !kinds.includes(job.kind)) continue;
      const result = await measure(job);
      const { contestant, kind, mode, steps, processes } = job;
      results.push({ round, contestant, kind, mode, steps, processes, ...result });
      console.error(`round ${round}/${rounds}  ${label(job)}: ${JSON.stringify(result, rounded)}`);
    }
  }
  const report = { about: await about(inserts), contestants: Object.fromEntries(chosen), results };
  console.log(render(report));
  if (flags.write) write(report, kinds);
} finally {
  await stopAll();
}

/** One round: every contestant in turn, for each figure, so that a slow minute of the machine hits all alike. */
function* jobs(round) {
  const [first] = chosen.find(([, { group }]) => group === 'ours') ?? [];
  const reads = { kind: 'reads', contestant: first, steps: 1, runs, only: flags.read };
  const many = COUNTS.map((processes) => ({ kind: 'processes', contestant: first, steps: 3, backlog, processes }));
  const dashboard = {
    kind: 'dashboard',
    contestant: first,
    steps: 3,
    ...(flags.quick ? { pairs: 2, backlog: 300, seconds: 6 } : {}),
  };
  for (const steps of stepCounts) {
    for (const [contestant, { engine, options, node, steps: able = [steps] }] of chosen)
      if (able.includes(steps)) yield { kind: 'throughput', contestant, engine, options, node, steps, backlog };
  }
  if (chosen.some(([, { group }]) => group === 'ours')) {
    yield { kind: 'features', contestant: first, steps: 1, waiting };
    yield { kind: 'idle', contestant: first, steps: 1 };
    yield { kind: 'memory', contestant: first, steps: 1 };
    yield* many;
    if (round === 1) yield { kind: 'history', contestant: first, steps: 3, finished };
    if (round === 1) yield reads;
    if (round === 1) yield { kind: 'cli', contestant: first, steps: 3 };
    if (round === 1) yield dashboard;
  }
  for (const [contestant, { engine, options, node, latency = {} }] of chosen) {
    for (const [mode, samples] of Object.entries(latency)) {
      yield { kind: 'latency', mode, contestant, engine, options, node, steps: 3, samples: flags.quick ? 10 : samples };
    }
  }
}

async function measure(job) {
  const [kept] = await query(server.url('postgres'), `SELECT FROM pg_database WHERE datname = 'bench'`);
  if (!kept) await query(server.url('postgres'), 'CREATE DATABASE bench');
  try {
    return await inChild({ ...job, url: server.url('bench'), postmaster: server.pid });
  } catch (error) {
    throw new Error(`${label(job)} failed`, { cause: error });
  } finally {
    if (!flags.data) await query(server.url('postgres'), 'DROP DATABASE bench WITH (FORCE)');
  }
}

function inChild(job) {
  const child = fork(fileURLToPath(new URL('./measure.mjs', import.meta.url)), {
    env: { ...process.env, NODE_ENV: 'production' },
    execArgv: ['--no-deprecation', ...(job.node ?? [])],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  children.add(child);
  const timer = setTimeout(() => child.kill('SIGKILL'), CHILD_TIMEOUT);
  return new Promise((resolve, reject) => {
    child.once('message', ({ result, error }) => (error ? reject(new Error(error)) : resolve(result)));
    child.once('exit', (code, signal) =>
      reject(new Error(`The measuring process ended with ${signal ?? code} and no result.`)),
    );
    child.once('error', reject);
    child.send(job);
  }).finally(() => {
    clearTimeout(timer);
    child.kill();
    children.delete(child);
  });
}

/** The yardstick of the disk: median of 500 committed one-row INSERTs, one after the other, in ms. */
async function committedInsert() {
  const client = new pg.Client({ connectionString: server.url('postgres') });
  await client.connect();
  await client.query('CREATE TABLE IF NOT EXISTS yardstick (n int)');
  const times = [];
  for (let n = 0; n < 500; n += 1) {
    const started = performance.now();
    await client.query('INSERT INTO yardstick VALUES ($1)', [n]);
    times.push(performance.now() - started);
  }
  await client.end();
  return times.sort((a, b) => a - b)[250];
}

async function about(inserts) {
  const [{ version }] = await query(server.url('postgres'), `SELECT current_setting('server_version') AS version`);
  return {
    date: new Date().toISOString().slice(0, 10),
    command: ['npm run bench', ...(process.argv.length > 2 ? ['--'] : []), ...process.argv.slice(2)].join(' '),
    rounds,
    backlog,
    steps: stepCounts,
    cpu: cpus()[0].model.trim(),
    cores: cpus().length,
    loadBefore,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    platform: `${process.platform} ${process.arch}`,
    node: process.versions.node,
    postgres: version,
    settings: SETTINGS,
    versions: {
      'nest-durable': readJson('../../package.json').version,
      ...peerVersions(),
      pg: readJson('../../node_modules/pg/package.json').version,
    },
    committedInsertMs: inserts,
  };
}

function peerVersions() {
  if (!uses('dbos') && !uses('peers')) return {};
  const { dependencies, optionalDependencies = {} } = readJson('./peers/package.json');
  // Of the optional ones, binaries, the one for this machine.
  const own = Object.entries(optionalDependencies).filter(([name]) => name.endsWith(`-${process.arch}`));
  return { ...dependencies, ...Object.fromEntries(own) };
}

/** Whether they are there in the versions asked for, so that a checkout with older ones gets the new ones. */
function peersInstalled() {
  return Object.entries(peerVersions()).every(([name, version]) => {
    const file = `./peers/node_modules/${name}/package.json`;
    return existsSync(new URL(file, import.meta.url)) && readJson(file).version === version;
  });
}

function readJson(path) {
  return JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8'));
}

function label(job) {
  return [job.contestant, job.kind, job.processes, job.mode, job.steps, 'steps'].filter(Boolean).join(' ');
}

function rounded(_key, value) {
  return typeof value === 'number' ? Number(value.toPrecision(4)) : value;
}
