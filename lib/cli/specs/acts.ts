import type { ArgumentSpec, CommandSpec, OptionSpec } from '../command.js';
import { ERROR, FILTERS, ID } from './runs.js';

const IDS: ArgumentSpec = {
  name: 'id',
  text: 'Ids of runs, or enough of their first characters; or none, and filters.',
  optional: true,
  variadic: true,
};

const MANY: readonly OptionSpec[] = [
  ...FILTERS,
  ERROR,
  { flags: '--limit <n>', text: 'Changes at most so many runs; those that were refused do not count.' },
  {
    flags: '--dry-run',
    text: 'Only says how many runs that would be; of more than 10 000 that the filters fit, that there may be more.',
  },
  { flags: '--yes', text: 'Does not ask; needed with filters where nobody can be asked.' },
];

const JSON_FILE: OptionSpec = { flags: '--json-file <path>', text: 'Takes it from a file with JSON; - is stdin.' };

export const ACTS: readonly CommandSpec[] = [
  {
    name: 'run',
    summary: 'Starts a run of a workflow and prints its id.',
    details:
      'Any workflow that an app has ever had on this database; its class checks the input when a worker begins the run.',
    arguments: [{ name: 'workflow', text: 'Name of the workflow.' }],
    options: [
      { flags: '--input <json>', text: 'The input, an object in JSON (default: {}).' },
      JSON_FILE,
      { flags: '--queue <name>', text: "Default: the workflow's." },
      { flags: '--priority <n>', text: "Higher first (default: the workflow's)." },
      { flags: '--delay <time>', text: 'Begins after so long: 90s, 15m, 24h.' },
      { flags: '--tag <key=value>', text: 'A tag to find it by.', several: true },
      { flags: '--id <uuid>', text: 'Id of the run (default: a new one).' },
      { flags: '--idempotency-key <key>', text: 'The same key for the same workflow gives the same run.' },
    ],
    examples: [{ line: `nest-durable run process_order --input '{"id":"A-1"}'`, text: 'prints the id of the run' }],
    load: () => import('../commands/run.js'),
  },
  {
    name: 'cancel',
    summary: 'Cancels runs and all that they have started.',
    arguments: [IDS],
    options: [
      { flags: '--reason <text>', text: 'Why; it stands in the error of the run.' },
      { flags: '--compensate', text: 'Also undoes what the runs did.' },
      ...MANY,
    ],
    examples: [
      { line: 'nest-durable cancel 019a8f2c --reason "wrong order"', text: 'one run' },
      { line: 'nest-durable cancel --workflow import --since 1h --dry-run', text: 'how many that would be' },
    ],
    load: () => import('../commands/cancel.js'),
  },
  {
    name: 'pause',
    summary: 'Pauses runs: nothing further of them starts until they are resumed.',
    details: 'A step that runs is finished and recorded; events and answers are kept.',
    arguments: [IDS],
    options: MANY,
    examples: [{ line: 'nest-durable pause 019a8f2c', text: 'one run' }],
    load: () => import('../commands/pause.js'),
  },
  {
    name: 'resume',
    summary: 'Lets paused runs go on.',
    arguments: [IDS],
    options: MANY,
    examples: [{ line: 'nest-durable resume --workflow import --yes', text: 'all paused runs of a workflow' }],
    load: () => import('../commands/resume.js'),
  },
  {
    name: 'retry',
    summary: 'Starts finished runs anew, with the same input.',
    details: 'With filters that name no status: those that failed or were undone.',
    arguments: [IDS],
    options: MANY,
    examples: [
      { line: 'nest-durable retry 019a8f2c', text: 'prints the id of the new run' },
      {
        line: 'nest-durable retry --error PaymentGatewayError --since 2h',
        text: 'all that failed so, after a question',
      },
    ],
    load: () => import('../commands/retry.js'),
  },
  {
    name: 'restart-from',
    summary: 'Starts a finished run anew at one of its steps, with what it had recorded before.',
    arguments: [ID, { name: 'step', text: 'Name of the step to begin with.' }],
    examples: [{ line: 'nest-durable restart-from 019a8f2c ship', text: 'what came before is not run again' }],
    load: () => import('../commands/restart-from.js'),
  },
  {
    name: 'pending',
    summary: 'Lists what runs wait for: answers of people, and events.',
    options: [
      { flags: '--inputs', text: 'Only answers.' },
      { flags: '--events', text: 'Only events.' },
      { flags: '--expiring-in <hours>', text: 'Only what times out within so many hours.' },
      { flags: '--limit <n>', text: 'At most so many of each (default: 50, at most 1000).' },
    ],
    examples: [{ line: 'nest-durable pending --inputs --expiring-in 4', text: 'what should be answered first' }],
    load: () => import('../commands/pending.js'),
  },
  {
    name: 'provide-input',
    summary: 'Answers what a run asks a person.',
    arguments: [
      ID,
      { name: 'name', text: 'Name of the input.' },
      { name: 'data', text: 'The answer: JSON, or any other text as a string.', optional: true },
    ],
    options: [JSON_FILE, { flags: '--input-id <uuid>', text: 'Which, where several of that name are open.' }],
    examples: [{ line: 'nest-durable provide-input 019a8f2c approve approved', text: 'an approval' }],
    load: () => import('../commands/provide-input.js'),
  },
  {
    name: 'send-event',
    summary: 'Sends an event to a run; it is kept until a step waits for it.',
    arguments: [
      ID,
      { name: 'name', text: 'Name of the event.' },
      { name: 'payload', text: 'JSON, or any other text as a string.', optional: true },
    ],
    options: [JSON_FILE, { flags: '--dedupe-key <key>', text: 'Of all events with the same key one is delivered.' }],
    examples: [{ line: `nest-durable send-event 019a8f2c paid '{"amount":12}'`, text: 'with a payload' }],
    load: () => import('../commands/send-event.js'),
  },
];
