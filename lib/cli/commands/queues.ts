import { type Drained, type DurableQueues, statsOf, statusOf } from '../../client/durable.queues.js';
import { audited } from '../acts/audited.js';
import { type Context, type Options, text } from '../command.js';
import { Failure, Interrupted, usage } from '../failure.js';
import { loadColumns } from '../queues/columns.js';
import { duration } from '../values.js';

/** ms */
const PATIENCE = 30_000;

export async function run(context: Context, [act, name]: readonly string[], options: Options): Promise<number> {
  const { screen } = context;
  const timeoutText = text(options, 'timeout');
  if (timeoutText !== undefined && act !== 'drain') throw usage('--timeout belongs to drain.');
  const timeout = timeoutText === undefined ? PATIENCE : duration('--timeout', timeoutText);
  if (act !== undefined && name === undefined) throw usage(`Which queue? nest-durable queues ${act} NAME.`);
  const { queues } = await context.clients();
  if (act === undefined || name === undefined) return list(context);
  const deed = { action: `queue.${act}`, targetKind: 'queue', targetId: name } as const;
  if (act === 'drain') {
    const drained = await audited(
      context,
      deed,
      () => drain(context, queues, name, timeout),
      ({ idle, changed }) => ({ details: { ...(idle ? {} : { idle }), ...(changed ? {} : { changed }) } }),
    );
    return tellDrained(context, name, drained);
  }
  const changed = await audited(
    context,
    deed,
    () => (act === 'pause' ? queues.pause(name) : queues.resume(name)),
    (isChanged) => ({ details: isChanged ? {} : { changed: isChanged } }),
  );
  const paused = act === 'pause';
  if (screen.isJson) screen.json({ name, paused, changed });
  else if (paused)
    screen.line(`Queue ${name} ${changed ? 'is paused: no worker claims from it' : 'was paused already'}.`);
  else screen.line(`Queue ${name} ${changed ? 'goes on' : 'was not paused'}.`);
  return 0;
}

async function list(context: Context): Promise<number> {
  const { screen } = context;
  const { storage } = await context.clients();
  // One look for all: each is through every unfinished run.
  const rows = (await storage.queues.queues()).map((row) => ({ ...statsOf(row), ...statusOf(row) }));
  if (screen.isJson) screen.json(rows);
  else if (rows.length === 0) screen.say('There is no queue: no app has worked on this database.');
  else screen.lines(screen.table(loadColumns()).lines(rows));
  return 0;
}

/** Counts down what is still running; Ctrl-C ends the wait. The queue stays paused. */
async function drain(
  { screen, signal }: Context,
  queues: DurableQueues,
  name: string,
  timeout: number,
): Promise<Drained> {
  const since = performance.now();
  let most = 0;
  const onLook = (running: number): void => {
    most = Math.max(most, running);
    screen.progress('Drained', most - running, most, since);
  };
  return queues.drainWatched(name, timeout, { signal, onLook });
}

/** The queue is paused in any case; that runs of it are still worked on is the exit code, however it is told. */
function tellDrained({ screen, signal }: Context, name: string, { idle, running }: Drained): number {
  if (screen.isJson) screen.json({ name, idle, running });
  else if (idle) screen.line(`Queue ${name} is paused and idle.`);
  if (idle) return 0;
  if (signal.aborted) throw new Interrupted();
  throw new Failure(
    `Queue ${name} is paused, but ${running} of its runs ${running === 1 ? 'is' : 'are'} still worked on: wait, or look at nest-durable list --queue ${name} --status running.`,
  );
}
