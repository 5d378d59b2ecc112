import { NAME, PRIORITY } from '../../core/limits.js';
import { readStartOptions } from '../../options/start.js';
import { audited } from '../acts/audited.js';
import { type Context, type Options, text, texts } from '../command.js';
import { usage } from '../failure.js';
import { asObject, checked, duration, fitting, integer, jsonFile, objectJson, tags } from '../values.js';

export async function run(context: Context, [workflow = '']: readonly string[], options: Options): Promise<void> {
  const { screen } = context;
  const [queue, priority, id, key, delay] = ['queue', 'priority', 'id', 'idempotencyKey', 'delay'].map((name) =>
    text(options, name),
  );
  const input = inputOf(options);
  const tagged = texts(options, 'tag');
  const { min, max } = PRIORITY;
  const start = {
    ...(queue === undefined ? {} : { queue }),
    ...(priority === undefined ? {} : { priority: integer('--priority', priority, min, max) }),
    ...(id === undefined ? {} : { id }),
    ...(key === undefined ? {} : { idempotencyKey: key }),
    ...(delay === undefined ? {} : { delay: duration('--delay', delay) }),
    ...(tagged.length === 0 ? {} : { tags: tags('--tag', tagged) }),
  };
  fitting('WORKFLOW', workflow, NAME);
  checked(() => readStartOptions(start));
  const { client } = await context.clients();
  const deed = { action: 'run.start', targetKind: 'workflow', targetId: workflow } as const;
  const handle = await audited(
    context,
    deed,
    () => client.start(workflow, input, start),
    (made) => {
      return { targetKind: 'run', targetId: made.id, details: { workflow } };
    },
  );
  if (screen.isJson) screen.json({ id: handle.id });
  else screen.line(handle.id);
  if (queue !== undefined) await warnOf(context, queue);
}

/** Any name of a queue is taken: one that is misspelt has no worker. */
async function warnOf(context: Context, name: string): Promise<void> {
  const { screen } = context;
  const { queues } = await context.clients();
  const found = (await queues.list()).find((one) => one.name === name);
  if (found?.paused === true) screen.say(`Queue ${name} is paused: nest-durable queues resume ${name}`);
  else if (found === undefined || found.workers === 0)
    screen.say(`No worker works on queue ${name}: the run waits for one. nest-durable queues lists those there are.`);
}

function inputOf(options: Options): object {
  const [given, file] = [text(options, 'input'), text(options, 'jsonFile')];
  if (given !== undefined && file !== undefined) throw usage('--input and --json-file both give the input: take one.');
  if (given !== undefined) return objectJson('--input', given);
  return file === undefined ? {} : asObject('--json-file', jsonFile('--json-file', file));
}
