import { type Context, flag, type Options } from '../command.js';
import { firstAnswer } from '../database/first-answer.js';
import { Connections } from '../../storage/connection/connections.js';
import { describeTarget } from '../../storage/connection/database-target.js';
import { probeServer } from '../../storage/connection/server-probe.js';
import { queryOf } from '../../storage/connection/transaction.js';
import { examine } from '../../storage/reads/doctor.js';
import type { Check } from '../../storage/reads/doctor-check.js';
import type { Screen } from '../output/screen.js';
import { type Tone, tone } from '../output/text.js';

const LOOKS: Readonly<Record<Check['state'], readonly [string, Tone]>> = {
  ok: ['✓', 'green'],
  warn: ['△', 'yellow'],
  bad: ['✗', 'red'],
};

export async function run(context: Context, _: readonly string[], options: Options): Promise<number> {
  const { screen } = context;
  const reached = await context.reach();
  const { target, schema } = reached;
  try {
    const { notified } = await firstAnswer(target, () => probeServer(target, true));
    const connections = new Connections(target, { direct: false, poolSize: 1 });
    try {
      const look = { query: queryOf(connections.pool), schema, notified };
      if (flag(options, 'fix')) {
        const { fix } = await import('../doctor/fix.js');
        await fix(context, reached, connections.pool);
      }
      const report = await examine(look);
      const checks: Check[] = [
        { id: 'connection', state: 'ok', text: `${describeTarget(target)} answers.` },
        ...report.checks,
      ];
      if (flag(options, 'verify') && report.migrations.pending.length === 0) {
        const { verify } = await import('../doctor/verify.js');
        checks.push(await verify(context, target, schema));
      }
      if (screen.isJson)
        screen.json({ ...report, checks, database: { name: describeTarget(target), ...report.database } });
      else print(screen, checks);
      return checks.some(({ state }) => state === 'bad') ? 1 : 0;
    } finally {
      await connections.close();
    }
  } finally {
    await reached.release();
  }
}

function print(screen: Screen, checks: readonly Check[]): void {
  const widest = Math.max(...checks.map(({ id }) => id.length));
  for (const { id, state, text, mend } of checks) {
    const [glyph, name] = LOOKS[state];
    screen.line(tone(name, glyph), ` ${id.padEnd(widest)}  `, text);
    if (mend !== undefined) screen.line(' '.repeat(widest + 4), tone('bold', `→ ${mend}`));
  }
  const [bad, warn] = (['bad', 'warn'] as const).map((state) => checks.filter((check) => check.state === state).length);
  screen.line('');
  screen.line(bad === 0 && warn === 0 ? 'All is well.' : `${bad} bad, ${warn} to look at.`);
}
