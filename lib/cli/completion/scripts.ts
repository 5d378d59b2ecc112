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

/**
 * The line is split at blanks: bash's own words end at each `:`, `@` and `=` of a URL, and the command would be looked for in
 * pieces of it.
 */
function bash({ commands, globalOptions }: AllSpecs): string {
  const names = commands.map(({ name }) => name);
  const cases = commands.map(({ name, options = [], arguments: args = [] }) => {
    const words = [...[...options, ...globalOptions].map(longOf), ...args.flatMap(({ choices = [] }) => choices)];
    return `    ${name}) words="${words.join(' ')}" ;;`;
  });
  // Options that take the same words stand together.
  const places = new Map<string, string[]>();
  for (const { name, options = [] } of commands) {
    for (const option of options.filter(takesValue)) {
      const [place, takes] = [`${name}:${longOf(option)}`, bashValues(option)];
      places.set(takes, [...(places.get(takes) ?? []), place]);
    }
  }
  const ownValues = [...places].map(([takes, of]) => `    ${of.join('|')}) ${takes} ;;`);
  return `# nest-durable completion for bash: eval "$(nest-durable completion bash)"
_nest_durable() {
  local current="\${COMP_WORDS[COMP_CWORD]}" command="" words="" last="" at values="" before=""
  local line="\${COMP_LINE:0:COMP_POINT}"
  local -a typed
  read -ra typed <<< "$line"
  case "$line" in
    *[[:blank:]]) ;;
    *) unset "typed[\${#typed[@]}-1]" ;;
  esac
  for ((at = 1; at < \${#typed[@]}; at++)); do
    last="\${typed[at]}"
    case "$last" in
      ${valuesOf(globalOptions).join('|')}) ((at++)) ;;
      -*) ;;
      *) command="$last"; break ;;
    esac
  done
  ((\${#typed[@]} > 1)) && last="\${typed[\${#typed[@]} - 1]}"
  case "\${line##*[[:blank:]]}" in
    --*=*) last="\${line##*[[:blank:]]}"; current="\${last#*=}"; last="\${last%%=*}" ;;
  esac
  case "$last" in
    ${valuesOf(globalOptions).join('|')}) return ;;
  esac
  # What an option takes may be anything, or one of a few words, or several of these.
  case "$command:$last" in
${ownValues.join('\n')}
  esac
  if [[ -n $values ]]; then
    COMPREPLY=($(compgen -P "$before" -W "$values" -- "\${current#"$before"}"))
    return
  fi
  case "$command" in
    "") words="${[...names, 'help', ...globalOptions.map(longOf)].join(' ')}" ;;
    help) words="${names.join(' ')}" ;;
${cases.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _nest_durable nest-durable
`;
}

/** Behind the last comma of a list another word of it begins. */
function bashValues({ words, commas = false }: OptionSpec): string {
  if (words === undefined) return 'return';
  return `values="${words.join(' ')}"${commas ? '; before="${current%"${current##*,}"}"' : ''}`;
}

/** Global options come before the command or after it: the first call finds where it stands, the second reads what follows. */
function zsh({ commands, globalOptions }: AllSpecs): string {
  const described = commands.map(({ name, summary }) => `    ${quoted(`${name}:${summary}`)}`);
  const cases = commands.map((command) => {
    const given = [...(command.options ?? []), ...globalOptions].map(zshOption);
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
  local curcontext="$curcontext" state line
  typeset -A opt_args
  _arguments -C ${globalOptions.map(zshOption).join(' ')} ':command:->command' '*::: :->rest'
  case $state in
    command) _describe command commands; return ;;
    rest) ;;
    *) return ;;
  esac
  words=($line[1] "\${words[@]}")
  (( CURRENT++ ))
  case $line[1] in
    help) _describe command commands ;;
${cases.join('\n')}
  esac
}
compdef _nest_durable nest-durable
`;
}

/** With its value as a word of its own, or behind `=`. */
function zshOption(option: OptionSpec): string {
  const [name, value] = takesValue(option)
    ? [`${longOf(option)}=`, `:value:${zshWords(option)}`]
    : [longOf(option), ''];
  return quoted(`${option.several === true ? '*' : ''}${name}[${option.text.replace(/[[\]:]/g, ' ')}]${value}`);
}

function zshWords({ words, commas = false }: OptionSpec): string {
  if (words === undefined) return '';
  const all = words.map((word) => word.replaceAll(':', '\\:')).join(' ');
  return commas ? `_values -s , value ${all}` : `(${all})`;
}

/** Its own test for the command would take what a global option is given for it. */
function fish({ commands, globalOptions }: AllSpecs): string {
  const lines = commands.flatMap((command) => {
    const when = `-n "contains -- ${command.name} (__nest_durable_command)"`;
    return [
      `complete -c nest-durable -f -n "not __nest_durable_command >/dev/null" -a ${command.name} -d ${quoted(command.summary)}`,
      ...(command.options ?? []).map((option) => `complete -c nest-durable ${when} ${fishOption(option)}`),
      ...choicesOf(command).map((choice) => `complete -c nest-durable -f ${when} -a ${choice}`),
    ];
  });
  const everywhere = globalOptions.map((option) => `complete -c nest-durable ${fishOption(option)}`);
  const helped = commands.map(({ name, summary }) => {
    return `complete -c nest-durable -f -n "contains -- help (__nest_durable_command)" -a ${name} -d ${quoted(summary)}`;
  });
  return [
    `# nest-durable completion for fish: nest-durable completion fish | source
function __nest_durable_command
  set -l isValue 0
  set -l typed (commandline -opc)
  for word in $typed[2..-1]
    if test $isValue = 1
      set isValue 0
      continue
    end
    switch $word
      case ${valuesOf(globalOptions).join(' ')}
        set isValue 1
      case '-*'
      case '*'
        echo $word
        return 0
    end
  end
  return 1
end
# Behind the last comma of a list another word of it begins.
function __nest_durable_list
  set -l word (string replace -r '^--[^=]*=' '' -- (commandline -ct))
  set -l before (string match -r '^.*,' -- "$word")
  printf '%s\\n' "$before"$argv
end`,
    ...everywhere,
    ...lines,
    ...helped,
    '',
  ].join('\n');
}

function fishOption(option: OptionSpec): string {
  return `-l ${longOf(option).slice(2)} ${takesValue(option) ? fishValue(option) : ''}-d ${quoted(option.text)}`;
}

function fishValue({ words, commas = false }: OptionSpec): string {
  if (words === undefined) return '-r ';
  return `-x -a ${quoted(commas ? `(__nest_durable_list ${words.join(' ')})` : words.join(' '))} `;
}

function choicesOf({ arguments: args = [] }: CommandSpec): string[] {
  return args.flatMap(({ choices = [] }) => choices);
}

function longOf({ flags }: OptionSpec): string {
  return /--[a-z-]+/.exec(flags)?.[0] ?? '';
}

function valuesOf(options: readonly OptionSpec[]): string[] {
  return options.filter(takesValue).map(longOf);
}

function takesValue({ flags }: OptionSpec): boolean {
  return flags.includes('<');
}

/** For a shell, between single quotes. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
