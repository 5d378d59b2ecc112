import type { ArgumentSpec, CommandSpec, OptionSpec } from '../../../lib/cli/command.js';
import { GLOBAL_OPTIONS, GROUPS } from '../../../lib/cli/commands.js';
import { code, headOf, prose, table } from './source.js';

const ABOUT = `
\`npx nest-durable COMMAND\` works on the database alone (\`--url\` or \`DATABASE_URL\`; else the embedded one in \`.durable/\`), while
the app runs or not. The [situations of who is on call](../how-to/on-call.md) have it at work.

- An id may be shortened to what is unique. Data on stdout, talk on stderr; \`--json\` is one document, with \`--follow\` one a line.
- Exit code 0: done; 1: refused, not found or failed; 2: called in a wrong way. An error is one line that says what to do.
- Acts on many runs, and \`cleanup\`, ask on a terminal; where nobody can be asked acts on many runs need \`--yes\`.
- Every act is a row of \`durable.audit\`, by \`cli:USER@HOST\`.
- Colour on a terminal alone; \`NO_COLOR\` and \`FORCE_COLOR\` are heeded. Control characters in any text are shown escaped.
`.trim();

/** docs/reference/cli.md: the commands as parser, help and completion have them. */
export function cliPage(): string {
  const parts = [headOf('Command line', ABOUT), '## Options of all commands\n', optionTable(GLOBAL_OPTIONS), ''];
  for (const { title, commands } of GROUPS) {
    parts.push(`## ${title}\n`);
    for (const command of commands) parts.push(...sectionOf(command));
  }
  return parts.join('\n');
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
    prose(option.text) + choicesOf(option) + (option.several === true ? ' May be given several times.' : '');
  return table(['option', ''], options.map((option) => [code(option.flags), said(option)]));
}

function choicesOf({ choices }: { readonly choices?: readonly string[] }): string {
  return choices === undefined ? '' : ` One of ${choices.map(code).join(', ')}.`;
}
