import type { CommandSpec, OptionSpec } from './command.js';
import { ACTS } from './specs/acts.js';
import { OPERATIONS } from './specs/operations.js';
import { RUNS } from './specs/runs.js';
import { SETUP } from './specs/setup.js';

export const GLOBAL_OPTIONS: readonly OptionSpec[] = [
  {
    flags: '--url <url>',
    text: 'The database: postgres://… (default: DATABASE_URL, else the embedded one in .durable/).',
  },
  { flags: '--schema <name>', text: 'Schema of the tables (default: durable).' },
  { flags: '--json', text: 'One JSON document; with --follow one a line.' },
  { flags: '--utc', text: 'Exact times, in UTC, in place of "3 min ago".' },
  { flags: '--wide', text: 'Cuts nothing to the width of the terminal.' },
];

/** All commands, as help lists them. */
export const GROUPS: readonly { readonly title: string; readonly commands: readonly CommandSpec[] }[] = [
  { title: 'Look at runs', commands: RUNS },
  { title: 'Act on runs', commands: ACTS },
  { title: 'Operate', commands: OPERATIONS },
  { title: 'Set up', commands: SETUP },
];

export const COMMANDS: readonly CommandSpec[] = GROUPS.flatMap(({ commands }) => commands);
