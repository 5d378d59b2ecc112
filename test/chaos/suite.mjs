import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { printed } from './report.mjs';

/**
 * A suite of faults: the specs of a folder, each a `fault()`, run as a command line says:
 *
 * [FAULT …] [--short] [--write] [-- jest arguments]
 *
 * FAULT: one alone, or some; all by default. `--short`: few injections. `--write`: the page gets what was found, if all of it
 * held. CHAOS_SEED=n repeats a seed.
 *
 * @param folder of the specs
 * @param page that `write` writes, for messages
 * @param write puts the rows of a full run that held into the page
 */
export function runSuite({ folder, page, write }) {
  const known = readdirSync(folder).flatMap((file) => /^(.+)\.spec\.ts$/.exec(file)?.[1] ?? []);
  const { values, positionals, jest } = readArgs();
  const unknown = positionals.filter((name) => !known.includes(name));
  if (unknown.length > 0) usage(`No fault is called ${unknown.join(' or ')}. There are: ${known.join(', ')}`);
  if (values.short && values.write) usage('--write takes the figures of a full run: leave --short out');

  const chosen = positionals.length === 0 ? known : positionals;
  const kept = mkdtempSync(join(tmpdir(), 'nest-durable-chaos-'));
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
        `--testPathPatterns=test/${basename(folder)}/(${chosen.join('|')})\\.spec\\.ts$`,
        ...jest,
      ],
      { stdio: 'inherit', env: { ...process.env, CHAOS_ROWS: kept, CHAOS_SHORT: values.short ? '1' : '0' } },
    );
    const rows = readdirSync(kept).map((file) => JSON.parse(readFileSync(join(kept, file), 'utf8')));
    console.log(printed(rows, chosen, Math.round((Date.now() - began) / 1000)));
    if (values.write && status === 0) write(rows);
    else if (values.write) console.error(`${page} is left as it is: not everything held.`);
    process.exitCode = status ?? 1;
  } finally {
    rmSync(kept, { recursive: true, force: true });
  }
}

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
