import type { CommandSpec } from '../command.js';

export const SETUP: readonly CommandSpec[] = [
  {
    name: 'install',
    summary: 'Wires the module into a Nest app, with an example workflow, its controller and its test.',
    details:
      'Adds packages, DurableModule (by ConfigService where the app has @nestjs/config), enableShutdownHooks() and a line of ' +
      '.gitignore. Changes nothing twice. nest add nest-durable does the same.',
    options: [
      {
        flags: '--project <name>',
        text: 'Which app of a workspace, as nest-cli.json names it (default: its default project).',
      },
      { flags: '--dry-run', text: 'Changes nothing; shows the diff.' },
      { flags: '--skip-install', text: 'Does not run the package manager.' },
    ],
    examples: [{ line: 'nest-durable install --dry-run', text: 'what it would change in the app of this folder' }],
    load: () => import('../commands/install.js'),
  },
  {
    name: 'migrate',
    summary: 'Makes the tables, or brings them to the version of this package.',
    details:
      'up (the default) applies what is missing, down takes the last one back, status lists them, generate writes a file for ' +
      "TypeORM's own runner. Two at once are safe: each migration is applied by one of them.",
    arguments: [
      { name: 'act', text: 'Default: up.', optional: true, choices: ['up', 'down', 'status', 'generate'] },
      { name: 'folder', text: 'Of generate (default: src/migrations).', optional: true },
    ],
    options: [
      { flags: '--check', text: 'Changes nothing; exit code 1 where something is missing.' },
      {
        flags: '--to <version>',
        text: 'Up or down to this version. down --to 0 drops all tables with all runs: on a terminal it asks first, in a script not.',
      },
      { flags: '--step <n>', text: 'So many migrations.' },
      {
        flags: '--sql',
        text: 'Prints the SQL of up or down in place of running it, with the rows of the table of versions. It needs a connection: which migrations are applied is read from the database.',
      },
      { flags: '--yes', text: 'down does not ask.' },
    ],
    examples: [
      { line: 'nest-durable migrate', text: 'before the first boot, or after an upgrade' },
      { line: 'nest-durable migrate --check', text: 'in CI or before a deploy' },
      { line: 'nest-durable migrate up --sql > durable.sql', text: 'for a DBA who applies it by hand' },
    ],
    load: () => import('../commands/migrate.js'),
  },
  {
    name: 'completion',
    summary: 'Prints a script that completes commands and options in a shell.',
    details:
      'It completes the word nest-durable. Where only npx finds that, a function makes it one: ' +
      'nest-durable() { npx nest-durable "$@"; }',
    arguments: [{ name: 'shell', text: 'Which one.', choices: ['bash', 'zsh', 'fish'] }],
    examples: [
      { line: 'nest-durable completion bash >> ~/.bashrc', text: 'bash' },
      { line: 'nest-durable completion fish | source', text: 'fish, for this session' },
    ],
    load: () => import('../commands/completion.js'),
  },
];
