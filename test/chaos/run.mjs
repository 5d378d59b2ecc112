import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { printed, write } from './report.mjs';

/**
 * npm run test:chaos [-- FAULT …] [--short] [--write] [-- jest arguments]
 *
 * FAULT: one alone, or some; all by default. `--short`: few injections, for CI. `--write`: docs/faults.md gets what was
 * found, if all of it held. CHAOS_SEED=n repeats a seed.
 */
const here = import.meta.dirname;
const known = readdirSync(here).flatMap((file) => /^(.+)\.spec\.ts$/.exec(file)?.[1] ?? []);

function usage(message) {
  console.error(message);
  process.exit(2);
}

function readArgs() {
  try {
    const options = { short: { type: 'boolean', default: false }, write: { type: 'boolean', default: false } };
    const args = process.argv.slice(2);
    const end = args.indexOf('--');
    const own = end < 0 ? args : args.slice(0, end);
    return { ...parseArgs({ args: own, options, allowPositionals: true }), jest: end < 0 ? [] : args.slice(end + 1) };
  } catch (error) {
    return usage(error.message);
  }
}

const { values, positionals, jest } = readArgs();
const unknown = positionals.filter((name) => !known.includes(name));
if (unknown.length > 0) usage(`No fault is called ${unknown.join(' or ')}. There are: ${known.join(', ')}`);
if (values.short && values.write) usage('--write takes the figures of a full run: leave --short out');

const chosen = positionals.length === 0 ? known : positionals;
const folder = mkdtempSync(join(tmpdir(), 'nest-durable-chaos-'));
try {
  const began = Date.now();
  const script = fileURLToPath(new URL('../../scripts/test.mjs', import.meta.url));
  const { status } = spawnSync(
    process.execPath,
    [
      script,
      // A full run takes times, which no other test is to spoil.
      values.short ? '--maxWorkers=2' : '--runInBand',
      '--testPathIgnorePatterns=/node_modules/',
      `--testPathPatterns=test/chaos/(${chosen.join('|')})\\.spec\\.ts$`,
      ...jest,
    ],
    { stdio: 'inherit', env: { ...process.env, CHAOS_ROWS: folder, CHAOS_SHORT: values.short ? '1' : '0' } },
  );
  const rows = readdirSync(folder).map((file) => JSON.parse(readFileSync(join(folder, file), 'utf8')));
  console.log(printed(rows, chosen, Math.round((Date.now() - began) / 1000)));
  if (values.write && status === 0) write(rows);
  else if (values.write) console.error('docs/faults.md is left as it is: not everything held.');
  process.exitCode = status ?? 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
