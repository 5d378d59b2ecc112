import type { CommandSpec, OptionSpec } from '../command.js';

export type Shell = 'bash' | 'zsh' | 'fish';

/** A script that completes commands, their options, and words that are one of a few. */
export function completionFor(shell: Shell, all: AllSpecs): string {
  return { bash, zsh, fish }[shell](all);
}

/** All that can be typed. */
export interface AllSpecs {
  readonly commands: readonly CommandSpec[];
  readonly globalOptions: readonly OptionSpec[];
}

function bash({ commands, globalOptions }: AllSpecs): string {
  const cases = commands.map(({ name, options = [], arguments: args = [] }) => {
    const words = [...[...options, ...globalOptions].map(longOf), ...args.flatMap(({ choices = [] }) => choices)];
    return `    ${name}) words="${words.join(' ')}" ;;`;
  });
  return `# nest-durable completion for bash: eval "$(nest-durable completion bash)"
_nest_durable() {
  local current="\${COMP_WORDS[COMP_CWORD]}" command="" words="" at
  for ((at = 1; at < COMP_CWORD; at++)); do
    case "\${COMP_WORDS[at]}" in
      -*) ;;
      *) command="\${COMP_WORDS[at]}"; break ;;
    esac
  done
  case "$command" in
    "") words="${[...commands.map(({ name }) => name), 'help', ...globalOptions.map(longOf)].join(' ')}" ;;
${cases.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _nest_durable nest-durable
`;
}

function zsh({ commands, globalOptions }: AllSpecs): string {
  const described = commands.map(({ name, summary }) => `    ${quoted(`${name}:${summary}`)}`);
  const cases = commands.map((command) => {
    const given = [...(command.options ?? []), ...globalOptions].map((option) => {
      const value = takesValue(option) ? ':value:' : '';
      return quoted(
        `${option.several === true ? '*' : ''}${longOf(option)}[${option.text.replace(/[[\]:]/g, ' ')}]${value}`,
      );
    });
    const args = (command.arguments ?? []).map(({ name, choices, variadic }) => {
      return quoted(`${variadic === true ? '*' : ''}:${name}:${choices === undefined ? '' : `(${choices.join(' ')})`}`);
    });
    return `    ${command.name}) _arguments ${[...given, ...args].join(' ')} ;;`;
  });
  return `#compdef nest-durable
# nest-durable completion for zsh: source <(nest-durable completion zsh)
_nest_durable() {
  local -a commands=(
${described.join('\n')}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  local command=$words[2]
  shift words
  (( CURRENT-- ))
  case $command in
${cases.join('\n')}
  esac
}
compdef _nest_durable nest-durable
`;
}

function fish({ commands, globalOptions }: AllSpecs): string {
  const lines = commands.flatMap((command) => {
    const when = `-n "__fish_seen_subcommand_from ${command.name}"`;
    return [
      `complete -c nest-durable -f -n __fish_use_subcommand -a ${command.name} -d ${quoted(command.summary)}`,
      ...(command.options ?? []).map((option) => `complete -c nest-durable ${when} ${fishOption(option)}`),
      ...choicesOf(command).map((choice) => `complete -c nest-durable -f ${when} -a ${choice}`),
    ];
  });
  const everywhere = globalOptions.map((option) => `complete -c nest-durable ${fishOption(option)}`);
  return [
    '# nest-durable completion for fish: nest-durable completion fish | source',
    ...everywhere,
    ...lines,
    '',
  ].join('\n');
}

function fishOption(option: OptionSpec): string {
  return `-l ${longOf(option).slice(2)} ${takesValue(option) ? '-r ' : ''}-d ${quoted(option.text)}`;
}

function choicesOf({ arguments: args = [] }: CommandSpec): string[] {
  return args.flatMap(({ choices = [] }) => choices);
}

function longOf({ flags }: OptionSpec): string {
  return /--[a-z-]+/.exec(flags)?.[0] ?? '';
}

function takesValue({ flags }: OptionSpec): boolean {
  return flags.includes('<');
}

/** For a shell, between single quotes. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
