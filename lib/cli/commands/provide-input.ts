import { audited } from '../acts/audited.js';
import { type Context, type Options, text } from '../command.js';
import { findRun } from '../database/find-run.js';
import { usage } from '../failure.js';
import { KEY, UUID } from '../../core/limits.js';
import { dataOf, fitting } from '../values.js';

export async function run(
  context: Context,
  [prefix = '', name = '', data]: readonly string[],
  options: Options,
): Promise<void> {
  const { screen } = context;
  const [inputId, file] = [text(options, 'inputId'), text(options, 'jsonFile')];
  if (data === undefined && file === undefined) throw usage('The answer is missing: give DATA, or --json-file.');
  fitting('NAME', name, KEY);
  if (inputId !== undefined) fitting('--input-id', inputId, UUID);
  const answer = dataOf(data, file, 'the answer');
  const id = await findRun(await context.database(), prefix);
  const { client } = await context.clients();
  const deed = { action: 'input.answer', targetKind: 'run', targetId: id, details: { name } } as const;
  await audited(context, deed, () => client.provideInput(id, inputId === undefined ? name : { inputId }, answer));
  if (screen.isJson) screen.json({ id, name });
  else screen.line(`Input ${name} of run ${id} is answered.`);
}
