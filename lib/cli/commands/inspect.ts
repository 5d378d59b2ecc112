import { type Context, flag, type Options } from '../command.js';
import { findRun } from '../database/find-run.js';
import { followRun } from '../runs/follow-run.js';
import { readReport, reportJson, reportLines } from '../runs/report.js';

export async function run(context: Context, [prefix = '']: readonly string[], options: Options): Promise<void> {
  const { screen } = context;
  const database = await context.database();
  const clients = await context.clients();
  const id = await findRun(database, prefix);
  const withData = flag(options, 'context');
  if (flag(options, 'follow')) return followRun(context, id, withData);
  const report = await readReport(clients, id, withData);
  if (screen.isJson) screen.json(reportJson(report));
  else screen.lines(reportLines(screen, report, context.cwd));
}
