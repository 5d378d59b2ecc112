import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { endWithFile } from '../support/forks.js';
import { command, environment, type Packed, tool } from './packed.js';

/** ms: an install on a busy machine, from npm's cache or not. */
export const INSTALL_TIMEOUT = 300_000;

/** An app of apps/ in a folder of its own, with what its package.json names and the packed package, installed by npm. */
export class FreshApp {
  private constructor(readonly folder: string) {}

  static async install(packed: Packed, name: string): Promise<FreshApp> {
    const folder = join(packed.root, name);
    await cp(fileURLToPath(new URL(`./apps/${name}`, import.meta.url)), folder, { recursive: true });
    const quiet = ['--no-audit', '--no-fund', '--loglevel=error'];
    command('npm', ['install', '--prefer-offline', ...quiet, packed.tarball], folder, { NODE_ENV: 'development' });
    return new FreshApp(folder);
  }

  /** What `nest new` makes, with what its package.json names, and nothing of this package yet. */
  static async generate(packed: Packed, name: string): Promise<FreshApp> {
    const options = ['--skip-git', '--skip-install', '--package-manager', 'npm'];
    tool('@nestjs/cli/bin/nest.js', ['new', name, ...options], packed.root);
    const app = new FreshApp(join(packed.root, name));
    app.shell('npm install');
    return app;
  }

  /** A command line as somebody types it. An install goes by npm's cache, and says nothing. */
  shell(line: string): string {
    const quiet = { npm_config_prefer_offline: 'true', npm_config_audit: 'false', npm_config_fund: 'false' };
    return command('sh', ['-c', line], this.folder, {
      ...quiet,
      npm_config_loglevel: 'error',
      NODE_ENV: 'development',
    });
  }

  /** Runs one of the app's files to its end; gives what it prints. Throws with all it said when it fails. */
  node(args: string[], env: Record<string, string> = {}): string {
    return command(process.execPath, args, this.folder, env);
  }

  /** Runs the app's tests, which print their result as JSON; how many passed. Throws when one fails. */
  test(...args: string[]): number {
    const { numPassedTests } = JSON.parse(this.node(args, { NODE_ENV: 'test' })) as { numPassedTests: number };
    return numPassedTests;
  }

  /** What a program that fails says on stderr. */
  failing(args: string[], env: Record<string, string> = {}): string {
    const run = spawnSync(process.execPath, args, { cwd: this.folder, encoding: 'utf8', env: environment(env) });
    if (run.status === 0) throw new Error(`${args.join(' ')} did not fail: ${run.stdout}`);
    return run.stderr;
  }

  tsc(compiler: string, args: string[]): string {
    return this.node([join('node_modules', compiler, 'bin', 'tsc'), '--pretty', 'false', ...args]);
  }

  /** A process of the app's that goes on; resolves when it has printed its first line. */
  async start(file: string, env: Record<string, string> = {}): Promise<ChildProcess> {
    const child = spawn(process.execPath, [file], {
      cwd: this.folder,
      env: environment(env),
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    endWithFile(child);
    await Promise.race([once(child.stdout, 'data'), once(child, 'exit').then(() => Promise.reject(new Error(file)))]);
    return child;
  }
}
