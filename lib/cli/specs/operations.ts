import { FINISHED_STATUSES } from '../../core/run/status.js';
import type { CommandSpec } from '../command.js';
import { LOOPBACK } from '../loopback.js';

export const OPERATIONS: readonly CommandSpec[] = [
  {
    name: 'schedules',
    summary: 'Lists schedules; enables, disables or triggers one.',
    arguments: [
      {
        name: 'act',
        text: 'What to do; without it they are listed.',
        optional: true,
        choices: ['enable', 'disable', 'trigger'],
      },
      { name: 'name', text: 'Name of the schedule.', optional: true },
    ],
    options: [{ flags: '--input <json>', text: "Of the run that trigger starts (default: the schedule's own)." }],
    examples: [
      { line: 'nest-durable schedules', text: 'when each runs next' },
      { line: 'nest-durable schedules trigger daily_report', text: 'starts a run of it now, and prints its id' },
    ],
    load: () => import('../commands/schedules.js'),
  },
  {
    name: 'queues',
    summary: 'Lists queues; pauses, resumes or drains one, for all workers.',
    details: 'drain pauses the queue and waits until no worker has a run of it; it stays paused.',
    arguments: [
      {
        name: 'act',
        text: 'What to do; without it they are listed.',
        optional: true,
        choices: ['pause', 'resume', 'drain'],
      },
      { name: 'name', text: 'Name of the queue.', optional: true },
    ],
    options: [{ flags: '--timeout <time>', text: 'How long drain waits (default: 30s).' }],
    examples: [
      { line: 'nest-durable queues', text: 'what is ready, what runs, who works' },
      { line: 'nest-durable queues drain ai --timeout 5m', text: 'before work on what it calls' },
    ],
    load: () => import('../commands/queues.js'),
  },
  {
    name: 'workers',
    summary: 'Lists the processes that execute runs, and what they run now.',
    examples: [{ line: 'nest-durable workers', text: 'who is alive' }],
    load: () => import('../commands/workers.js'),
  },
  {
    name: 'graph',
    summary: 'Prints the steps of a workflow as a tree.',
    arguments: [{ name: 'workflow', text: 'Name of the workflow.' }],
    options: [{ flags: '--mermaid', text: 'As the text of a Mermaid flowchart.' }],
    examples: [
      { line: 'nest-durable graph process_order', text: 'what it does, in order' },
      { line: 'nest-durable graph process_order --mermaid > order.mmd', text: 'for a README' },
    ],
    load: () => import('../commands/graph.js'),
  },
  {
    name: 'cleanup',
    summary: 'Deletes finished runs, with their children and all that belongs to them.',
    details: 'On a terminal it asks first; where nobody can be asked it does not.',
    options: [
      { flags: '--older-than <time>', text: 'Runs that ended so long ago or earlier: 30d, 12h. Needed.' },
      {
        flags: '--status <status>',
        text: 'Only runs that ended so.',
        several: true,
        words: FINISHED_STATUSES,
        commas: true,
      },
      { flags: '--dry-run', text: 'Only says how many that would be.' },
      { flags: '--batch-size <n>', text: 'Runs in one transaction at most (default: 1000).' },
      { flags: '--yes', text: 'Does not ask.' },
    ],
    examples: [{ line: 'nest-durable cleanup --older-than 30d --status completed', text: 'keeps what failed' }],
    load: () => import('../commands/cleanup.js'),
  },
  {
    name: 'doctor',
    summary:
      'Looks for what is wrong with the database, the tables, the workers and the queues, and says how to mend it.',
    details: 'Exit code 1 where a check is bad.',
    options: [
      { flags: '--verify', text: 'Also looks through all that is stored for what must never be; reads whole tables.' },
      {
        flags: '--fix',
        text: 'Repairs what is safe: applies migrations, wakes what nothing would wake. Names it first.',
      },
    ],
    examples: [
      { line: 'nest-durable doctor', text: 'why nothing goes on' },
      { line: 'nest-durable doctor --json > doctor.json', text: 'for an issue: no payloads, no password' },
    ],
    load: () => import('../commands/doctor.js'),
  },
  {
    name: 'dashboard',
    summary: 'Serves the dashboard of the database to this machine, without the app, until Ctrl-C.',
    details:
      'It executes no runs. Whoever reaches it may do everything, so it listens on loopback alone; what is done is kept in ' +
      'the audit as done by cli:USER@HOST. What the app redacts is shown.',
    options: [
      { flags: '--port <n>', text: 'Where it listens; 0: any that is free (default: 4000).' },
      { flags: '--host <name>', text: 'Where it listens (default: 127.0.0.1).', words: LOOPBACK },
      { flags: '--replica <url>', text: 'A read replica, for what the pages show (default: the database itself).' },
      { flags: '--read-only', text: 'Shows all, and does nothing.' },
      { flags: '--title <text>', text: 'Stands at the top of each page.' },
      { flags: '--no-open', text: 'Opens no browser.' },
    ],
    examples: [
      { line: 'nest-durable dashboard', text: 'of DATABASE_URL, else of the embedded database in .durable/' },
      { line: 'nest-durable dashboard --url postgres://… --read-only', text: 'a look at production' },
    ],
    endsItself: true,
    load: () => import('../commands/dashboard.js'),
  },
];
