import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

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
