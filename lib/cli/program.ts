import { Argument, Command, CommanderError, Option } from 'commander';
import type { ArgumentSpec, CommandSpec, GlobalOptions, OptionSpec, Options } from './command.js';
import { COMMANDS, GLOBAL_OPTIONS, GROUPS } from './commands.js';

/** What was asked for. */
export interface Call {
  readonly spec: CommandSpec;
  readonly args: readonly string[];
  readonly options: Options;
  readonly globals: GlobalOptions;
}

export interface ParseOutput {
  /** Help and version. */
  readonly out: (text: string) => void;
  readonly columns: number;
  readonly version: string;
}

/** Columns that a text of the help is wrapped to at least: beside the longest command of the whole a terminal of 80 has 32. */
const LEAST = 24;

/** A command line that cannot be understood, and the help that says how it is written. */
export class WrongCall extends Error {
  constructor(
    message: string,
    readonly help: string,
  ) {
    super(message);
  }
}

/**
 * Reads a command line.
 * @returns the call; null: it was answered already, by help or the version
 * @throws WrongCall for one that cannot be understood
 */
export async function parse(argv: readonly string[], output: ParseOutput): Promise<Call | null> {
  let call: Call | null = null;
  const program = makeProgram(output, (found) => (call = found));
  try {
    await program.parseAsync(argv.length === 0 ? ['--help'] : [...argv], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return null;
    // It would print its help as an error, which says not what is wrong.
    if (error.code === 'commander.help') throw new WrongCall(withoutCommand(program.args), wholeHelp());
    throw new WrongCall(plainly(error.message), helpFor(program.args));
  }
  return call;
}

/** As commander has it, less what is of commander. */
function plainly(message: string): string {
  return message
    .replace(/^error: /, '')
    .replace(/^command-argument value /, '')
    .replace(/\s+/g, ' ')
    .replace(/\.$/, '');
}

/** The help of the whole names no option of a command. */
function helpFor([name = '']: readonly string[]): string {
  return specOf(name) === undefined ? wholeHelp() : `nest-durable ${name} --help says how it is called`;
}

function wholeHelp(): string {
  return 'nest-durable --help lists what there is';
}

function withoutCommand([help, name]: readonly string[]): string {
  return help === 'help' && name !== undefined ? `unknown command '${name}'` : 'no command is given';
}

export function makeProgram({ out, columns, version }: ParseOutput, onCall: (call: Call) => void): Command {
  const program = new Command('nest-durable');
  const configured = (command: Command): Command =>
    command
      .exitOverride()
      .configureOutput({ writeOut: out, writeErr: () => {}, getOutHelpWidth: () => columns })
      .configureHelp({ showGlobalOptions: true, minWidthToWrap: LEAST });
  configured(program)
    .description('Looks at and operates the durable workflows in a PostgreSQL database, while the app runs or not.')
    .version(version, '-V, --version', 'Prints the version.')
    .helpOption('-h, --help', 'Prints this help.')
    .helpCommand('help [command]', 'Prints the help of a command.');
  for (const option of GLOBAL_OPTIONS) program.addOption(optionOf(option));
  for (const { title, commands } of GROUPS) {
    program.commandsGroup(`${title}:`);
    for (const spec of commands) {
      const command = configured(program.command(spec.name)).summary(spec.summary);
      command
        .description([spec.summary, spec.details].filter(Boolean).join(' '))
        .helpOption('-h, --help', 'Prints this help.');
      for (const argument of spec.arguments ?? []) command.addArgument(argumentOf(argument));
      for (const option of spec.options ?? []) command.addOption(optionOf(option));
      command.addHelpText('after', examplesOf(spec));
      command.action(() => {
        const args = command.processedArgs.flat().filter((one): one is string => typeof one === 'string');
        onCall({ spec, args, options: command.opts(), globals: program.opts() });
      });
    }
  }
  program.addHelpText(
    'after',
    '\nExit codes: 0 done; 1 refused, not found or failed; 2 called in a wrong way;\n130 ended by Ctrl-C.',
  );
  return program;
}

export function specOf(name: string): CommandSpec | undefined {
  return COMMANDS.find((command) => command.name === name);
}

function argumentOf({ name, text, optional = false, variadic = false, choices }: ArgumentSpec): Argument {
  const dots = variadic ? '...' : '';
  const argument = new Argument(optional ? `[${name}${dots}]` : `<${name}${dots}>`, text);
  return choices === undefined ? argument : argument.choices([...choices]);
}

function optionOf({ flags, text, several = false, words, commas = false }: OptionSpec): Option {
  const takes = words === undefined ? '' : ` ${commas ? 'With commas between' : 'One of'}: ${words.join(', ')}.`;
  const option = new Option(flags, text + takes);
  if (several) option.argParser((value: string, before: string[] | undefined) => [...(before ?? []), value]);
  return option;
}

function examplesOf({ examples }: CommandSpec): string {
  const widest = Math.max(...examples.map(({ line }) => line.length));
  const lines = examples.map(({ line, text }) => `  ${line.padEnd(widest)}  # ${text}`);
  return `\nExamples:\n${lines.join('\n')}`;
}
