import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const script = fileURLToPath(new URL('../../scripts/ci-summary.mjs', import.meta.url));
const good = { success: true, numPassedTests: 3, numFailedTests: 0, numRuntimeErrorTestSuites: 0 };
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nest-durable-ci-'));
});

afterEach(() => rm(folder, { recursive: true }));

describe('the last line of a CI run', () => {
  it.each([
    ['all is well', good, good, [], '12 passed, 0 failed', 0],
    ['tests failed', good, { ...good, success: false, numFailedTests: 2 }, ['tests'], '12 passed, 2 failed', 1],
    [
      'a spec file did not run',
      { ...good, success: false, numRuntimeErrorTestSuites: 1 },
      good,
      ['package'],
      '12 passed, 1 failed',
      1,
    ],
    ['other stages failed', good, good, ['lint', 'types'], '12 passed, 2 failed', 1],
    ['jest failed with no failed test', good, good, ['tests'], '12 passed, 1 failed', 1],
    ['nothing was tested', good, { ...good, numPassedTests: 0 }, [], '9 passed, 1 failed', 1],
    ['jest wrote nothing', good, undefined, ['tests'], '9 passed, 1 failed', 1],
  ])('counts when %s', async (_name, packaging, tests, stages, line, code) => {
    for (const file of ['pages.json', 'chaos.json']) await writeFile(join(folder, file), JSON.stringify(good));
    if (packaging !== undefined) await writeFile(join(folder, 'package.json'), JSON.stringify(packaging));
    if (tests !== undefined) await writeFile(join(folder, 'tests.json'), JSON.stringify(tests));
    const run = spawnSync(process.execPath, [script, folder, ...stages], { encoding: 'utf8' });
    expect(run.stdout).toBe(`${line}\n`);
    expect(run.status).toBe(code);
  });
});
