import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createTestDatabase } from '../support/database.js';
import { Forks } from '../support/forks.js';

/** Two copies of the package in one process: an ESM and a CommonJS build, or two installs. */

interface Told {
  readonly findings: Record<string, unknown>;
  readonly warnings: readonly string[];
}

const root = fileURLToPath(new URL('../../', import.meta.url));
const forks = new Forks<Told>(new URL('./two-copies-app.ts', import.meta.url));
let place: string;

beforeAll(async () => {
  place = await mkdtemp(join(tmpdir(), 'second-copy-'));
  for (const part of ['lib', 'migrations', 'package.json'])
    await cp(join(root, part), join(place, part), { recursive: true });
  await symlink(join(root, 'node_modules'), join(place, 'node_modules'));
});

afterAll(async () => {
  await forks.endAll();
  await rm(place, { recursive: true });
});

async function run(...args: string[]): Promise<Told> {
  const { url } = await createTestDatabase();
  const fork = await forks.start([url, place, ...args]);
  return fork.told;
}

it('of one version work together: workflows, functions of steps, errors, what is injected by class', async () => {
  const { findings, warnings } = await run();
  expect(findings).toEqual({
    injected: true,
    result: { once: 1, event: 7, key: 'wait', child: { child: true } },
    fatal: 'WORKFLOW_FAILED',
    attempts: 1,
    caught: { known: true, other: false, theirs: true },
    error: 'INVALID_INPUT',
    both: expect.stringContaining("got two of 'default'"),
  });
  expect(warnings.filter((text) => text.includes('versions'))).toEqual([]);
});

it('of different versions are warned of, and a function of the one says so in a step of the other', async () => {
  const file = join(place, 'package.json');
  await writeFile(file, (await readFile(file, 'utf8')).replace(/"version": "[^"]+"/, '"version": "99.0.0"'));
  const storage = join(place, 'lib/engine/step/scope-storage.ts');
  await writeFile(storage, (await readFile(storage, 'utf8')).replace('const SHAPE = 1;', 'const SHAPE = 99;'));
  const { findings, warnings } = await run('other version');
  expect(findings).toMatchObject({ injected: true, result: 'OTHER_VERSION' });
  expect(warnings).toEqual(expect.arrayContaining([expect.stringMatching(/different versions .* 99\.0\.0 in \//)]));
});
