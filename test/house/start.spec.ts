import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { findSample } from '../../scripts/samples.mjs';
import { stage } from '../../scripts/stages.mjs';

const module = new URL('../../scripts/die-with.mjs', import.meta.url).href;
const app = `
  (await import(${JSON.stringify(module)})).dieWithNpm();
  console.log(process.pid);
  setInterval(() => {}, 1000);`;

describe('an app started by npm', () => {
  it.each([
    ['that is its parent', `spawn(process.execPath, args, options)`],
    // A command after it keeps the shell from giving its place to the app.
    ['with a shell in between', `spawn('/bin/sh', ['-c', '"$@"; exit 0', 'sh', process.execPath, ...args], options)`],
  ])('dies with an npm %s when that is killed with -9', async (_name, start) => {
    const npm = run(`
      const { spawn } = await import('node:child_process');
      const args = ['--input-type=module', '-e', ${JSON.stringify(app)}];
      const options = { stdio: ['ignore', 'inherit', 'inherit'] };
      ${start};`);
    const [line] = (await once(createInterface({ input: npm.stdout }), 'line')) as [string];
    expect(isThere(Number(line))).toBe(true);
    // Its end closes the pipe that it shares with npm.
    const closed = once(npm, 'close');
    npm.kill('SIGKILL');
    await closed;
    expect(npm.signalCode).toBe('SIGKILL');
  });
});

describe('npm start', () => {
  it('lists the samples when there is none of that name, before it builds anything', () => {
    const script = fileURLToPath(new URL('../../scripts/start.mjs', import.meta.url));
    const { status, stdout, stderr } = spawnSync(process.execPath, [script, 'nonsense'], { encoding: 'utf8' });
    expect([status, stdout]).toEqual([2, '']);
    const names = readdirSync(new URL('../../sample', import.meta.url)).sort();
    expect(stderr).toBe(
      `There is no sample "nonsense". There are:\n${names.map((name) => `  npm start -- ${name}\n`).join('')}`,
    );
  });

  it.each([['05-trip-booking'], ['05'], ['trip-booking']])('takes a sample by %s', (given) => {
    expect(findSample(given)).toBe('05-trip-booking');
  });
});

describe('a stage of a build', () => {
  let folder: string;
  let done: number;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'stage-'));
    mkdirSync(join(folder, 'src'));
    writeFileSync(join(folder, 'src', 'a.ts'), '1');
    done = 0;
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  async function build(): Promise<number> {
    const [of, makes] = [[join(folder, 'src')], join(folder, 'made.js')];
    const before = done;
    await stage(`stage of ${folder}`, { of, except: ['.ignored'], makes, memory: folder, say: () => {} }, () => {
      done += 1;
      writeFileSync(makes, `${done}`);
    });
    return done - before;
  }

  it('is done once, and not again as long as nothing has changed', async () => {
    expect([await build(), await build(), await build()]).toEqual([1, 0, 0]);
  });

  it.each<[what: string, change: () => void]>([
    ['a source was changed', () => writeFileSync(join(folder, 'src', 'a.ts'), '22')],
    ['a source came', () => writeFileSync(join(folder, 'src', 'b.ts'), '1')],
    ['a source went', () => rmSync(join(folder, 'src', 'a.ts'))],
    ['what it made is gone', () => rmSync(join(folder, 'made.js'))],
    ['something else has made it anew', () => utimesSync(join(folder, 'made.js'), 1, 1)],
  ])('is done again when %s', async (_what, change) => {
    await build();
    change();
    expect([await build(), await build()]).toEqual([1, 0]);
  });

  it('is not done again for what does not count', async () => {
    await build();
    writeFileSync(join(folder, 'src', 'b.ignored'), '1');
    expect(await build()).toBe(0);
  });

  it('is tried again where it failed, and fails where it makes nothing', async () => {
    const makes = join(folder, 'made.js');
    const made = stage('makes nothing', { of: [folder], makes, memory: folder, say: () => {} }, () => {});
    await expect(made).rejects.toThrow(`makes nothing did not make ${makes}`);
    expect(await build()).toBe(1);
  });
});

function run(program: string): ChildProcess & { stdout: NodeJS.ReadableStream } {
  const env = { ...process.env, NODE_OPTIONS: '' };
  return spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['ignore', 'pipe', 'inherit'], env });
}

function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
