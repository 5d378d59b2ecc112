import { audited } from '../acts/audited.js';
import { FINISHED_STATUSES } from '../../core/run/status.js';
import { askFor } from '../acts/bulk.js';
import { type Context, flag, type Options, text, texts } from '../command.js';
import { Interrupted, usage } from '../failure.js';
import { duration, integer, several } from '../values.js';

const BATCH = 1_000;
const LARGEST = 10_000;

export async function run(context: Context, _: readonly string[], options: Options): Promise<void> {
  const { screen, signal } = context;
  const olderText = text(options, 'olderThan');
  if (olderText === undefined) throw usage('How old? Give --older-than, such as --older-than 30d.');
  const olderThan = duration('--older-than', olderText);
  const given = texts(options, 'status');
  const statuses = given.length === 0 ? FINISHED_STATUSES : several('--status', given, FINISHED_STATUSES);
  const batchText = text(options, 'batchSize');
  const batchSize = batchText === undefined ? BATCH : integer('--batch-size', batchText, 1, LARGEST);
  const dryRun = flag(options, 'dryRun');
  const database = await context.database();
  const { PgRetention } = await import('../../storage/client/retention.js');
  const retention = new PgRetention(database.pool, database.schema);
  const before = new Date(Math.ceil((await retention.now()) - olderThan));
  const watched = (verb: 'Counted' | 'Deleted') => {
    const since = performance.now();
    const onProgress = (done: number): void => screen.progress(verb, done, null, since);
    return { before, statuses, batchSize, signal, onProgress };
  };
  // Where nobody can be asked it runs: it is made for cron.
  if (!dryRun && screen.interactive && !flag(options, 'yes')) {
    const count = await retention.cleanup({ ...watched('Counted'), dryRun: true });
    // Nobody is asked about nothing.
    if (count > 0) {
      const runs = count === 1 ? '1 finished run' : `${count} finished runs`;
      await askFor(context, `Delete ${runs} that ended ${olderText} ago or earlier, with their children?`, false);
    }
  }
  const work = () => retention.cleanup({ ...watched(dryRun ? 'Counted' : 'Deleted'), dryRun });
  const details = { olderThan, statuses };
  const deed = { action: 'run.cleanup', targetKind: null, targetId: null, details } as const;
  const count = dryRun ? await work() : await audited(context, deed, work, (n) => ({ details: { ...details, n } }));
  if (screen.isJson) screen.json({ count, ...(dryRun ? { dryRun } : {}) });
  else screen.line(`${dryRun ? 'Would delete' : 'Deleted'} ${count === 1 ? '1 run' : `${count} runs`}.`);
  if (signal.aborted) throw new Interrupted();
}
