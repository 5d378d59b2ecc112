import { audited } from '../acts/audited.js';
import { type Context, type Options, text } from '../command.js';
import type { Database } from '../database/database.js';
import { findRun } from '../database/find-run.js';
import { Failure, usage } from '../failure.js';
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
  const database = await context.database();
  const id = await findRun(database, prefix);
  const { client } = await context.clients();
  if (inputId !== undefined) await checkName(database, id, inputId, name);
  const details = { name, ...(inputId === undefined ? {} : { inputId: inputId.toLowerCase() }) };
  const deed = { action: 'input.answer', targetKind: 'run', targetId: id, details } as const;
  await audited(context, deed, () => client.provideInput(id, inputId === undefined ? name : { inputId }, answer));
  if (screen.isJson) screen.json({ id, name });
  else screen.line(`Input ${name} of run ${id} is answered.`);
}

/** The name goes into the answer and the audit: it must be that of the input. One that is not open is refused when it is answered. */
async function checkName(database: Database, id: string, inputId: string, name: string): Promise<void> {
  const [input] = await database.rows<{ name: string }>('find-open-inputs', [id, null, inputId]);
  if (input === undefined || input.name === name) return;
  throw new Failure(`Input ${inputId} of run ${id} is "${input.name}", not "${name}": give the name that it has.`);
}
