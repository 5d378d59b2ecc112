import type { Reached } from '../database/target.js';
import { firstAnswer } from '../database/first-answer.js';
import type { Migration } from '../../storage/migrations/migration-files.js';
import { knownMigrations } from '../../storage/migrations/migration-files.js';
import { downSql, type MigrationState, upSql } from '../../storage/migrations/migration-state.js';
import { migrate, migrationStatus, revertMigrations } from '../../storage/migrations/migrator.js';
import { probeServer } from '../../storage/connection/server-probe.js';
import { auditedAt } from '../acts/audited-at.js';
import { askFor } from '../acts/bulk.js';
import { type Context, flag, type Options, text } from '../command.js';
import { usage } from '../failure.js';
import { tone } from '../output/text.js';
import { integer } from '../values.js';

type Act = 'up' | 'down' | 'status' | 'generate';

export async function run(context: Context, [given, folder]: readonly string[], options: Options): Promise<number> {
  const check = flag(options, 'check');
  const act = (given ?? (check ? 'status' : 'up')) as Act;
  const [to, steps] = [text(options, 'to'), text(options, 'step')];
  const moves = act === 'up' || act === 'down';
  if (to !== undefined && steps !== undefined) throw usage('--to and --step both say how far: take one.');
  if (!moves && (to !== undefined || steps !== undefined))
    throw usage(`--to and --step belong to up and down, not ${act}.`);
  if (!moves && flag(options, 'sql')) throw usage(`--sql belongs to up and down, not ${act}.`);
  if (check && act !== 'status')
    throw usage('--check changes nothing: nest-durable migrate --check, without up or down.');
  if (folder !== undefined && act !== 'generate') throw usage(`A folder belongs to generate, not ${act}.`);
  if (act === 'generate') {
    const { generate } = await import('../migrate/generate.js');
    return generate(context, folder);
  }
  const how = {
    to: to === undefined ? null : integer('--to', to, 0),
    steps: steps === undefined ? null : integer('--step', steps, 1),
  };
  const reached = await context.reach();
  try {
    await firstAnswer(reached.target, () => probeServer(reached.target, false));
    const state = await migrationStatus(reached);
    if (act === 'status') return status(context, reached, state, check);
    const plan = act === 'up' ? upPlan(state, how) : downPlan(state, how);
    if (flag(options, 'sql')) return printSql(context, reached.schema, act, plan);
    return await move(context, reached, act, plan, options);
  } finally {
    await reached.release();
  }
}

interface How {
  readonly to: number | null;
  readonly steps: number | null;
}

/** What is to be done, in order, and the version that it leads to. */
interface Plan {
  readonly migrations: readonly Migration[];
  readonly to: number;
  readonly state: MigrationState;
}

function upPlan(state: MigrationState, { to, steps }: How): Plan {
  checkVersion(to, state);
  const migrations = state.pending.filter(({ version }) => version <= (to ?? Infinity)).slice(0, steps ?? Infinity);
  return { migrations, to: migrations.at(-1)?.version ?? state.current, state };
}

/** Without a word on how far: one. */
function downPlan(state: MigrationState, { to, steps }: How): Plan {
  checkVersion(to, state);
  const applied = new Set(state.applied.map(({ version }) => version));
  const all = knownMigrations()
    .filter(({ version }) => applied.has(version))
    .toReversed();
  const migrations = to === null ? all.slice(0, steps ?? 1) : all.filter(({ version }) => version > to);
  const left = all.slice(migrations.length);
  return { migrations, to: left[0]?.version ?? 0, state };
}

function checkVersion(to: number | null, { latest }: MigrationState): void {
  if (to !== null && to > latest) throw usage(`--to: the last version is ${latest}, got ${to}.`);
}

function status({ screen }: Context, { schema }: Reached, state: MigrationState, check: boolean): number {
  const { current, latest, applied, pending } = state;
  const code = check && pending.length > 0 ? 1 : 0;
  if (screen.isJson) {
    screen.json({
      schema,
      current,
      latest,
      applied: applied.map(({ version, name, appliedAt }) => ({ version, name, appliedAt })),
      pending: pending.map(({ version, name }) => ({ version, name })),
    });
    if (code === 0) return code;
  }
  if (!screen.isJson) {
    for (const { name, appliedAt } of applied)
      screen.line(tone('green', '✓'), ` ${name}  `, tone('dim', screen.ago(appliedAt)));
    for (const { name } of pending) screen.line(tone('yellow', '○'), ` ${name}  `, tone('yellow', 'pending'));
    screen.line(
      pending.length === 0 ? `Schema "${schema}" is up to date.` : `Schema "${schema}" is at ${current} of ${latest}.`,
    );
  }
  if (code === 1)
    screen.say(
      `nest-durable: Schema "${schema}" lacks ${pending.map(({ name }) => name).join(', ')}: run nest-durable migrate.`,
    );
  return code;
}

function printSql({ screen }: Context, schema: string, act: 'up' | 'down', { migrations, to }: Plan): number {
  const texts = migrations.map((migration, at) => {
    return act === 'up'
      ? upSql(schema, migration)
      : downSql(schema, migration, to === 0 && at === migrations.length - 1);
  });
  if (screen.isJson) screen.json({ sql: texts.join('\n') });
  else if (texts.length === 0) screen.say('There is nothing to do.');
  else screen.raw(texts.join('\n'));
  return 0;
}

async function move(
  context: Context,
  reached: Reached,
  act: 'up' | 'down',
  { migrations, to }: Plan,
  options: Options,
): Promise<number> {
  const { screen } = context;
  const names = migrations.map(({ name }) => name).join(', ');
  if (act === 'down' && migrations.length > 0 && screen.interactive && !flag(options, 'yes')) {
    await askFor(context, `Take back ${names}${to === 0 ? ', and with them all runs' : ''}?`, false);
  }
  const since = performance.now();
  let count = 0;
  const done = act === 'up' ? migrate : revertMigrations;
  const work = (): Promise<string[]> =>
    done({
      target: reached.target,
      schema: reached.schema,
      to,
      onStep: () => screen.progress(act === 'up' ? 'Applied' : 'Took back', ++count, migrations.length, since),
    });
  const changed =
    migrations.length === 0
      ? await work()
      : await auditedAt(context, reached, `migrate.${act}`, work, (versions) => ({ migrations: versions }));
  // Others may have been at it meanwhile.
  const { current } = await migrationStatus(reached);
  if (screen.isJson) screen.json({ schema: reached.schema, [act === 'up' ? 'applied' : 'reverted']: changed, current });
  else if (changed.length === 0)
    screen.line(`Schema "${reached.schema}" is at version ${current}: there is nothing to do.`);
  else
    screen.line(
      `${act === 'up' ? 'Applied' : 'Took back'} ${changed.join(', ')}: schema "${reached.schema}" is at version ${current}.`,
    );
  return 0;
}
