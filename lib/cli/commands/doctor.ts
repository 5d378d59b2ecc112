import { type Context, flag, type Options } from '../command.js';
import { textOf } from '../../core/text-of.js';
import { auditedAt } from '../acts/audited-at.js';
import { firstAnswer, Unusable } from '../database/first-answer.js';
import type { Reached } from '../database/target.js';
import { Interrupted } from '../failure.js';
import { Connections } from '../../storage/connection/connections.js';
import { describeTarget } from '../../storage/connection/database-target.js';
import { probeServer } from '../../storage/connection/server-probe.js';
import { type Lender, queryOf } from '../../storage/connection/transaction.js';
import { type DoctorReport, examine } from '../../storage/reads/doctor.js';
import type { Check } from '../../storage/reads/doctor-check.js';
import type { Screen } from '../output/screen.js';
import { type Tone, tone } from '../output/text.js';

const LOOKS: Readonly<Record<Check['state'], readonly [string, Tone]>> = {
  ok: ['✓', 'green'],
  warn: ['△', 'yellow'],
  bad: ['✗', 'red'],
};

export async function run(context: Context, _: readonly string[], options: Options): Promise<number> {
  const reached = await context.reach();
  try {
    return await examined(context, reached, options);
  } catch (error) {
    if (!(error instanceof Unusable)) throw error;
    const { text, mend } = error;
    const { target, schema } = reached;
    const checks = [{ id: 'connection', state: 'bad', text, mend }] as const;
    const report = { migrations: null, tables: [], database: { name: describeTarget(target), schema } };
    return tell(context.screen, checks, report);
  } finally {
    await reached.release();
  }
}

async function examined(context: Context, reached: Reached, options: Options): Promise<number> {
  const { target, schema } = reached;
  const { notified } = await firstAnswer(target, () => probeServer(target, true));
  const connections = new Connections(target, { direct: false, poolSize: 1 });
  try {
    const look = { query: queryOf(connections.pool), schema, notified };
    const own: Check[] = [];
    let report = await examine(look);
    if (flag(options, 'fix')) {
      own.push(...(await fixed(context, reached, connections.pool, report)));
      report = await examine(look);
    }
    const { migrations } = report;
    if (flag(options, 'verify') && migrations?.pending.length !== 0) {
      const why = migrations === null ? 'the role may not look at its tables' : 'it has not the tables of this version';
      own.push({ id: 'verify', state: 'bad', text: `Nothing was verified: ${why}.`, mend: 'See migrations above.' });
    } else if (flag(options, 'verify')) {
      const { verify } = await import('../doctor/verify.js');
      const work = (): Promise<Check> => verify(context, target, schema);
      own.push(
        await unlessRefused(context, 'verify', () =>
          auditedAt(context, reached, 'doctor.verify', work, ({ state }) => ({ ok: state === 'ok' })),
        ),
      );
    }
    const checks: Check[] = [
      { id: 'connection', state: 'ok', text: `${describeTarget(target)} answers.` },
      ...report.checks,
      ...own,
    ];
    return tell(context.screen, checks, {
      ...report,
      database: { name: describeTarget(target), ...report.database },
    });
  } finally {
    await connections.close();
  }
}

/** Nothing is repaired of what another version knows better; what could not be is a check, beside what stands in the report. */
async function fixed(
  context: Context,
  reached: Reached,
  pool: Lender,
  { migrations }: DoctorReport,
): Promise<readonly Check[]> {
  if (migrations === null || migrations.current > migrations.latest) {
    const why = migrations === null ? 'the role may not look at it' : 'its tables are those of a newer version';
    return [{ id: 'fix', state: 'bad', text: `Nothing was repaired: ${why}.` }];
  }
  const { fix } = await import('../doctor/fix.js');
  let refused = true;
  const check = await unlessRefused(context, 'fix', async (): Promise<Check> => {
    await auditedAt(context, reached, 'doctor.fix', () => fix(context, reached, pool));
    refused = false;
    return { id: 'fix', state: 'ok', text: 'What is safe to repair is repaired.' };
  });
  return refused ? [check] : [];
}

async function unlessRefused({ signal }: Context, id: string, work: () => Promise<Check>): Promise<Check> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Interrupted || signal.aborted) throw error;
    const mend = 'See rights and migrations above.';
    return { id, state: 'bad', text: `It could not be done: ${textOf(error).replace(/\.$/, '')}.`, mend };
  }
}

function tell(screen: Screen, checks: readonly Check[], report: object): number {
  if (screen.isJson) screen.json({ ...report, checks });
  else print(screen, checks);
  return checks.some(({ state }) => state === 'bad') ? 1 : 0;
}

function print(screen: Screen, checks: readonly Check[]): void {
  const widest = Math.max(...checks.map(({ id }) => id.length));
  for (const { id, state, text, mend } of checks) {
    const [glyph, name] = LOOKS[state];
    screen.lines(screen.wrap([tone(name, glyph), ` ${id.padEnd(widest)}  `, text], widest + 4));
    if (mend !== undefined) screen.lines(screen.wrap([' '.repeat(widest + 4), tone('bold', `→ ${mend}`)], widest + 6));
  }
  const [bad, warn] = (['bad', 'warn'] as const).map((state) => checks.filter((check) => check.state === state).length);
  screen.line('');
  screen.line(bad === 0 && warn === 0 ? 'All is well.' : `${bad} bad, ${warn} to look at.`);
}
