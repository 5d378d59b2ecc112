/** What messages of the engine tell a program to do, and the same for whoever has a shell. */
const WORDS: readonly (readonly [of: string, here: string])[] = [
  ['retry() starts a new run', 'nest-durable retry starts a new run'],
  ['retry() is for', 'retry is for'],
  ['restartFrom() is for', 'restart-from is for'],
  ['restartFrom() is not valid: step:', 'It cannot be restarted there:'],
  ['Wait for its result(), or cancel() it first.', 'Wait until it has ended, or cancel it first.'],
  ['listPendingInputs() gives the open ones.', 'nest-durable pending --inputs lists the open ones.'],
  [
    'Check the id, and that the client uses the database and schema the run was started in.',
    'Check the id, --url and --schema; nest-durable list shows ids.',
  ],
  ['Leave out `id`, or use `idempotencyKey`', 'Leave out --id, or use --idempotency-key'],
  ['is its idempotencyKey or a tag', 'is its --idempotency-key or a --tag'],
  [
    'listSchedules() gives those there are, and so does nest-durable schedules.',
    'nest-durable schedules lists those there are.',
  ],
  [
    'DurableQueues.list() gives those there are, and so does nest-durable queues.',
    'nest-durable queues lists those there are.',
  ],
  [
    'List the @Workflow() class in the providers of a module; in a process that only starts runs (an API) it need not be one: ' +
      'there a worker that has it must have booted before, on the same database and schema, which stores its definition.',
    'An app that has it must have booted once on this database and schema, which stores its definition.',
  ],
];

/** The message of an error in words of the command line. */
export function inWords(message: string): string {
  return WORDS.reduce((text, [of, here]) => text.replaceAll(of, here), message);
}
