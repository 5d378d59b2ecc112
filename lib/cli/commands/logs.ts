import { setTimeout as delay } from 'node:timers/promises';
import type { LogEntry } from '../../core/run/log-entry.js';
import { isFinished } from '../../core/run/status.js';
import { type Context, flag, type Options, text } from '../command.js';
import { findRun } from '../database/find-run.js';
import { Interrupted } from '../failure.js';
import { logLine } from '../runs/log-line.js';

/** ms between looks. */
const INTERVAL = 500;

export async function run(context: Context, [prefix = '']: readonly string[], options: Options): Promise<void> {
  const { screen, signal } = context;
  const step = text(options, 'step');
  const id = await findRun(await context.database(), prefix);
  const { client } = await context.clients();
  if (!flag(options, 'follow')) {
    const entries = await client.getLogs(id, step);
    if (screen.isJson) return screen.json(entries);
    for (const entry of entries) screen.line(...logLine(screen, entry));
    if (entries.length === 0) screen.say('Nothing was logged.');
    return;
  }
  // Lines of several attempts may come in between: what was printed is known by what it says and how often.
  const printed = new Map<string, number>();
  for (;;) {
    const execution = await client.getExecution(id);
    const seen = new Map<string, number>();
    for (const entry of await client.getLogs(id, step)) {
      const key = keyOf(entry);
      const times = (seen.get(key) ?? 0) + 1;
      seen.set(key, times);
      if (times <= (printed.get(key) ?? 0)) continue;
      printed.set(key, times);
      if (screen.isJson) screen.jsonLine(entry);
      else screen.line(...logLine(screen, entry));
    }
    if (execution === null || isFinished(execution.status)) return;
    await delay(INTERVAL, undefined, { signal }).catch(() => {
      throw new Interrupted();
    });
  }
}

function keyOf({ time, level, step, attempt, message }: LogEntry): string {
  return `${time.getTime()} ${level} ${step} ${attempt} ${message}`;
}
