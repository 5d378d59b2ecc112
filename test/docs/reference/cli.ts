import type { ArgumentSpec, CommandSpec, OptionSpec } from '../../../lib/cli/command.js';
import { GLOBAL_OPTIONS, GROUPS } from '../../../lib/cli/commands.js';
import { code, headOf, prose, table } from './source.js';

const ABOUT = `
\`npx nest-durable COMMAND\` works on the database alone (\`--url\` or \`DATABASE_URL\`; else the embedded one in \`.durable/\`), while
the app runs or not. The [situations of who is on call](../how-to/on-call.md) have it at work.

- An id may be shortened to what is unique. Data on stdout, talk on stderr; \`--json\` is one document, with \`--follow\` one a line.
- Exit code 0: done; 1: refused, not found or failed; 2: called in a wrong way; 130: ended by Ctrl-C. An error is
  one line that says what to do.
- Acts on many runs, and \`cleanup\`, ask on a terminal; where nobody can be asked acts on many runs need \`--yes\`.
- Every act is a row of \`durable.audit\`, by \`cli:USER@HOST\`: [how to read them](#audit).
- Colour on a terminal alone; \`NO_COLOR\` and \`FORCE_COLOR\` are heeded. Control characters in any text are shown escaped.
`.trim();

const AFTER = `
## Checks of doctor

\`doctor --json\` is \`{ checks, migrations, tables, database }\`; each check has an \`id\`, a \`state\` (\`ok\`, \`warn\`, \`bad\`), a \`text\`
and where it is not well the \`mend\`. Of a database that does not answer there is the check \`connection\` alone, and \`migrations\` is
null; what the role may not look at is left out. Exit code 1 where a check is bad.

| id | warn | bad |
| --- | --- | --- |
| \`connection\` | | the database does not answer, or refuses the user |
| \`server\` | | PostgreSQL before 14; an encoding other than UTF8 |
| \`settings\` | \`fsync\`, \`full_page_writes\`, \`autovacuum\`, \`track_counts\` or \`synchronous_commit\` is off | |
| \`rights\` | | the role may not use the schema, or not read and write a table |
| \`notifications\` | they do not arrive | |
| \`clock\` | more than 1 s from that of this machine | |
| \`connections\` | more than 90 % of \`max_connections\` | |
| \`transactions\` | the oldest is open for 5 min; those of other roles cannot be seen | for an hour |
| \`migrations\` | | some are not applied; the tables are those of a newer version; the role may not look |
| \`hot-table\` | autovacuum is switched off for a table; \`workflow_queue\` has twice as many dead rows as rows, and 50 000 of them, or 10 000 and was not vacuumed for an hour | |
| \`workers\` | a worker is out of touch | none is alive, and something is unfinished |
| \`versions\` | workers have different versions of nest-durable | |
| \`behind\` | a worker has older code of a workflow than another | |
| \`code\` | runs are ready of which no living worker has the code | |
| \`queues\` | a queue with ready runs is paused or has no worker, or is behind by a minute for lack of places | |
| \`limits\` | runs or steps wait for a place of a concurrency limit, or for a rate, for a minute: more workers do not help | |
| \`schedules\` | one was switched off after failures, or fails | |
| \`orphans\` | rows are leased by no living worker | |
| \`verify\` (with \`--verify\`) | | something is stored that must never be |
| \`fix\` (with \`--fix\`, where it was refused) | | nothing was repaired |

## Audit

Acts of the command line and of the dashboard, in SQL; \`outcome\` is \`done\`, \`refused\` or \`failed\`:

\`\`\`sql
-- What was done to a run, the newest first.
SELECT at, actor, action, outcome, code, details
FROM durable.audit
WHERE target_kind = 'run' AND target_id = '01a2247f-4f01-7091-9ffc-81a50dbf55ff'
ORDER BY id DESC;

-- Who has paused or drained queues in the last day; an act that changed nothing says "changed": false.
SELECT at, actor, action, target_id AS queue, details
FROM durable.audit
WHERE action IN ('queue.pause', 'queue.drain') AND at > now() - interval '1 day'
ORDER BY id DESC;
\`\`\`
`.trim();

/** docs/reference/cli.md: the commands as parser, help and completion have them. */
export function cliPage(): string {
  const parts = [headOf('Command line', ABOUT), '## Options of all commands\n', optionTable(GLOBAL_OPTIONS), ''];
  for (const { title, commands } of GROUPS) {
    parts.push(`## ${title}\n`);
    for (const command of commands) parts.push(...sectionOf(command));
  }
  return [...parts, AFTER, ''].join('\n');
}

function sectionOf({ name, summary, details, arguments: taken = [], options = [], examples }: CommandSpec): string[] {
  const usage = ['nest-durable', name, ...taken.map(placeOf), ...(options.length > 0 ? ['[options]'] : [])].join(' ');
  return [
    `### ${code(name)}\n`,
    `${prose([summary, details].filter(Boolean).join(' '))}\n`,
    `\`\`\`text\n${usage}\n\`\`\`\n`,
    ...(taken.length > 0 ? [table(['argument', ''], taken.map(rowOf)), ''] : []),
    ...(options.length > 0 ? [optionTable(options), ''] : []),
    table(['example', ''], examples.map(({ line, text }) => [code(line), prose(text)])),
    '',
  ];
}

function placeOf({ name, optional, variadic }: ArgumentSpec): string {
  const dots = variadic === true ? '...' : '';
  return optional === true ? `[${name}${dots}]` : `<${name}${dots}>`;
}

function rowOf(argument: ArgumentSpec): string[] {
  return [code(placeOf(argument)), prose(argument.text) + choicesOf(argument)];
}

function optionTable(options: readonly OptionSpec[]): string {
  const said = (option: OptionSpec): string =>
    prose(option.text) + wordsOf(option) + (option.several === true ? ' May be given several times.' : '');
  return table(['option', ''], options.map((option) => [code(option.flags), said(option)]));
}

function choicesOf({ choices }: { readonly choices?: readonly string[] }): string {
  return choices === undefined ? '' : ` One of ${choices.map(code).join(', ')}.`;
}

function wordsOf({ words, commas = false }: OptionSpec): string {
  if (words === undefined) return '';
  return ` ${commas ? 'With commas between:' : 'One of'} ${words.map(code).join(', ')}.`;
}
