import { execFileSync } from 'node:child_process';
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
  ['nest-durable list --status ', []],
])('%s: the command is found behind what global options take', async (line, words) => {
  expect(await offered(line)).toEqual(words);
});

it('the scripts of the other shells know which global options take a value', async () => {
  const [zsh, fish] = await Promise.all(['zsh', 'fish'].map((shell) => cli(['completion', shell])));
  expect(zsh?.out).toMatch(
    /_arguments -C '--url=\[.*\]:value:' '--schema=\[.*\]:value:' '--json\[.*':command:->command'/,
  );
  expect(fish?.out).toContain('case --url --schema\n        set isValue 1');
});
