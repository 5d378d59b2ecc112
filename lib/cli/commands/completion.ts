import { type Context } from '../command.js';
import { completionFor, type Shell } from '../completion/scripts.js';

export async function run({ screen, specs }: Context, [shell = '']: readonly string[]): Promise<void> {
  const script = completionFor(shell as Shell, specs);
  if (screen.isJson) screen.json({ shell, script });
  else screen.raw(script);
}
