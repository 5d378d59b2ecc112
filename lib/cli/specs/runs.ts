import { EXECUTION_STATUSES } from '../../core/run/status.js';
import type { ArgumentSpec, CommandSpec, OptionSpec } from '../command.js';

export const ID: ArgumentSpec = { name: 'id', text: 'Id of a run, or enough of its first characters.' };

const FOLLOW = 'Goes on until the run has ended: drawn in place on a terminal, line by line in a pipe.';

/** The filters of `list`; acts on many runs take them too. */
export const FILTERS: readonly OptionSpec[] = [
  {
    flags: '--status <status>',
    text: 'Only runs of these statuses.',
    several: true,
    words: EXECUTION_STATUSES,
    commas: true,
  },
  { flags: '--workflow <name>', text: 'Only runs of this workflow.' },
  { flags: '--queue <name>', text: 'Only runs of this queue.' },
  { flags: '--tag <key=value>', text: 'Only runs that have this tag.', several: true },
  { flags: '--parent <id>', text: 'Only children of this run.' },
  { flags: '--since <when>', text: 'Started then or later: an ISO date, or 24h, 7d for so long ago.' },
  { flags: '--until <when>', text: 'Started before then.' },
];

export const ERROR: OptionSpec = {
  flags: '--error <text>',
  text: "Only runs whose error's name or message has this text in it.",
};

export const RUNS: readonly CommandSpec[] = [
  {
    name: 'status',
    summary: 'What there is: runs by status, queues, workers, schedules, questions.',
    examples: [{ line: 'nest-durable status', text: 'the first look' }],
    load: () => import('../commands/status.js'),
  },
  {
    name: 'list',
    summary: 'Lists runs, the newest first.',
    details:
      'With --group it counts failures by workflow, step and error instead: of the newest 10 000, or as many as --limit says. ' +
      'With --error the newest 10 000 that have an error are looked at. Where there are more it says on stderr with which --until ' +
      'to go on. With --follow it watches the newest 1 000 that fit.',
    options: [
      ...FILTERS,
      ERROR,
      { flags: '--group', text: 'Counts failures by workflow, step and error.' },
      { flags: '--limit <n>', text: 'At most so many (default: 50).' },
      { flags: '--follow', text: 'Goes on: prints each run that is started or changes its status.' },
    ],
    examples: [
      { line: 'nest-durable list --status failed --since 24h', text: 'what failed since yesterday' },
      { line: 'nest-durable list --group --since 7d', text: 'what fails, how often, and where' },
      { line: 'nest-durable list --json --limit 100000 > runs.json', text: 'all of them, for another program' },
    ],
    load: () => import('../commands/list.js'),
  },
  {
    name: 'inspect',
    summary: 'Shows one run: why it stands where it does, its steps, its error, its last log lines.',
    arguments: [ID],
    options: [
      { flags: '--context', text: 'Also its input, its data, and what each step returned.' },
      { flags: '--follow', text: FOLLOW },
    ],
    examples: [
      { line: 'nest-durable inspect 019a8f2c', text: 'by the first characters of its id' },
      { line: 'nest-durable inspect 019a8f2c --follow', text: 'and watch it go on' },
    ],
    load: () => import('../commands/inspect.js'),
  },
  {
    name: 'logs',
    summary: 'Prints what the steps of a run have logged.',
    details: 'Lines of an attempt are there once it has ended or waits.',
    arguments: [ID],
    options: [
      { flags: '--step <name>', text: 'Only those of this step.' },
      { flags: '--follow', text: 'Goes on until the run has ended.' },
    ],
    examples: [{ line: 'nest-durable logs 019a8f2c --step charge', text: 'what charge() has said' }],
    load: () => import('../commands/logs.js'),
  },
];
