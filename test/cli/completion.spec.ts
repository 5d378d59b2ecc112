import { execFileSync } from 'node:child_process';
import { COMMANDS } from '../../lib/cli/commands.js';
import { EXECUTION_STATUSES, FINISHED_STATUSES } from '../../lib/core/run/status.js';
import { cli } from './support.js';

/** The words that bash offers after such a line. */
async function offered(line: string): Promise<string[]> {
  const { out } = await cli(['completion', 'bash']);
  // As bash sets them: at each of `:`, `@` and `=` a word ends.
  const script = `${out}
COMP_LINE="$1"; COMP_POINT=\${#COMP_LINE}
COMP_WORDS=($(sed -E 's/([:@=]+)/ \\1 /g' <<< "$1"))
[[ "$1" == *' ' ]] && COMP_WORDS+=('')
COMP_CWORD=$((\${#COMP_WORDS[@]} - 1))
_nest_durable
printf '%s\\n' "\${COMPREPLY[@]}"`;
  return execFileSync('bash', ['-c', script, 'bash', line], { encoding: 'utf8' }).split('\n').filter(Boolean);
}

it.each([
  ['nest-durable li', ['list']],
  ['nest-durable --url postgres://me:secret@127.0.0.1:5432/shop li', ['list']],
  ['nest-durable --url=postgres://me@127.0.0.1/shop?ssl=true --schema durable li', ['list']],
  ['nest-durable --url list can', ['cancel']],
  ['nest-durable --json --schema list queues dr', ['drain']],
  ['nest-durable queues --schema list dr', ['drain']],
  ['nest-durable --schema list list --fo', ['--follow']],
  ['nest-durable --url ', []],
  ['nest-durable list --workflow ', []],
])('%s: the command is found behind what global options take', async (line, words) => {
  expect(await offered(line)).toEqual(words);
});

it.each([
  ['nest-durable list --status ', EXECUTION_STATUSES],
  ['nest-durable --schema x cancel --status comp', ['compensating', 'completed', 'compensated', 'compensation_failed']],
  ['nest-durable retry --status=fai', ['failed']],
  ['nest-durable list --status failed,compensated,pa', ['failed,compensated,paused']],
  ['nest-durable list --status=failed,pa', ['failed,paused']],
  ['nest-durable cleanup --status ', FINISHED_STATUSES],
  ['nest-durable list --status failed --wo', ['--workflow']],
  ['nest-durable dashboard --host l', ['localhost']],
  ['nest-durable help li', ['list']],
])('%s: words that an option takes are offered', async (line, words) => {
  expect((await offered(line)).toSorted()).toEqual(words.toSorted());
});

it('the other shells get the words of each option that takes one of a few', async () => {
  const [zsh = '', fish = ''] = await Promise.all(
    ['zsh', 'fish'].map(async (shell) => (await cli(['completion', shell])).out),
  );
  let checked = 0;
  for (const { name, options = [] } of COMMANDS) {
    const ofZsh = zsh.split('\n').find((line) => line.startsWith(`    ${name}) _arguments`));
    for (const { flags, words, commas } of options) {
      if (words === undefined) continue;
      const [long = ''] = flags.split(' ');
      const all = words.join(' ').replaceAll(':', '\\:');
      expect(ofZsh).toMatch(new RegExp(`'\\*?${long}=\\[`));
      expect(ofZsh).toContain(commas === true ? `:value:_values -s , value ${all}'` : `:value:(${all})'`);
      const takes = commas === true ? `(__nest_durable_list ${words.join(' ')})` : words.join(' ');
      expect(fish).toContain(`contains -- ${name} (__nest_durable_command)" -l ${long.slice(2)} -x -a '${takes}' -d `);
      checked++;
    }
  }
  expect(checked).toBeGreaterThan(5);
});

it('the scripts of the other shells know which global options take a value', async () => {
  const [zsh, fish] = await Promise.all(['zsh', 'fish'].map((shell) => cli(['completion', shell])));
  expect(zsh?.out).toMatch(
    /_arguments -C '--url=\[.*\]:value:' '--schema=\[.*\]:value:' '--json\[.*':command:->command'/,
  );
  expect(fish?.out).toContain('case --url --schema\n        set isValue 1');
});
