import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Context, flag, type Options, text } from '../command.js';
import { Failure, usage } from '../failure.js';
import { type Change, diffLines, type ReadFile } from '../install/change.js';
import { appRoots, planInstall } from '../install/plan.js';
import { versions } from '../install/versions.js';
import type { Screen } from '../output/screen.js';
import { tone } from '../output/text.js';

export async function run({ screen, cwd }: Context, _: readonly string[], options: Options): Promise<void> {
  const read = (path: string): string | null =>
    existsSync(join(cwd, path)) ? readFileSync(join(cwd, path), 'utf8') : null;
  const project = text(options, 'project');
  const plan = planInstall(read, versions(), project === undefined ? undefined : rootOf(read, project));
  if (plan === null) {
    throw new Failure(
      `${cwd} is no Nest app: there is no package.json that can be read and names @nestjs/core. Go to the folder of the app's package.json.`,
    );
  }
  const { changes, notes } = plan;
  const dryRun = flag(options, 'dryRun');
  if (!dryRun) {
    for (const { path, after } of changes) {
      mkdirSync(dirname(join(cwd, path)), { recursive: true });
      writeFileSync(join(cwd, path), after);
    }
  }
  if (screen.isJson) {
    const shown = changes.map(({ path, before }) => ({ path, kind: before === null ? 'create' : 'change' }));
    screen.json({ changes: shown, notes, ...(dryRun ? { dryRun } : {}) });
  } else if (changes.length === 0) screen.line('Everything is there already: nothing was changed.');
  else for (const change of changes) show(screen, change, dryRun);
  for (const note of notes) screen.say(tone('yellow', note));
  const needsInstall = changes.some(({ path }) => path === 'package.json');
  if (!dryRun && needsInstall && !flag(options, 'skipInstall')) installPackages(screen, cwd);
  if (!dryRun && changes.length > 0) {
    screen.say(
      'Start the app with DATABASE_URL set, or with NODE_ENV=development for an embedded PostgreSQL in .durable/.',
    );
  }
}

function rootOf(read: ReadFile, project: string): string {
  const roots = appRoots(read);
  const root = roots.get(project);
  if (root !== undefined) return root;
  const names = [...roots.keys()].join(', ');
  throw usage(
    names === ''
      ? '--project is for a workspace: nest-cli.json of this folder has no projects. Leave it out.'
      : `--project: expected ${names}, got "${project}".`,
  );
}

function show(screen: Screen, change: Change, dryRun: boolean): void {
  screen.line(tone('bold', `${change.before === null ? 'create' : 'change'} ${change.path}`));
  if (!dryRun) return;
  for (const line of diffLines(change)) {
    screen.line('  ', line.startsWith('+') ? tone('green', line) : line.startsWith('-') ? tone('red', line) : line);
  }
}

/** By the lock file that is there. */
function installPackages(screen: Screen, cwd: string): void {
  const managers = { 'pnpm-lock.yaml': 'pnpm', 'yarn.lock': 'yarn', 'bun.lockb': 'bun', 'bun.lock': 'bun' };
  const [, manager] = Object.entries(managers).find(([file]) => existsSync(join(cwd, file))) ?? ['', 'npm'];
  screen.say(`${manager} install`);
  const { status } = spawnSync(manager, ['install'], {
    cwd,
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
  });
  if (status !== 0) throw new Failure(`The files are changed, but ${manager} install failed: run it again.`);
}
