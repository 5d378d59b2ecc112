import { isUuid } from '../../core/uuid.js';
import { Failure } from '../failure.js';
import type { Database } from './database.js';

/** Of an ambiguous prefix so many are named. */
const NAMED = 3;

/**
 * The id of a run, from its id or the beginning of it.
 * @throws Failure where no run has it, or several do
 */
export async function findRun(database: Database, text: string): Promise<string> {
  const isWhole: boolean = isUuid(text);
  if (isWhole) return text.toLowerCase();
  const digits = text.replaceAll('-', '').toLowerCase();
  if (!/^[0-9a-f]{1,31}$/.test(digits)) {
    throw new Failure(
      `"${text}" is no id of a run: expected a UUID, or its first characters. nest-durable list shows ids.`,
    );
  }
  const rows = await database.rows<{ id: string; workflow: string }>('ids-by-prefix', [
    uuidOf(digits.padEnd(32, '0')),
    uuidOf(digits.padEnd(32, 'f')),
    NAMED + 1,
  ]);
  const [found, second] = rows;
  if (found === undefined)
    throw new Failure(`No run has an id that begins with "${text}". nest-durable list shows ids.`);
  if (second === undefined) return found.id;
  const named = rows.slice(0, NAMED).map(({ id, workflow }) => `${id} (${workflow})`);
  const more = rows.length > NAMED ? ', …' : '';
  throw new Failure(`"${text}" is ambiguous: ${named.join(', ')}${more}. Give more of the id.`);
}

function uuidOf(digits: string): string {
  return [digits.slice(0, 8), digits.slice(8, 12), digits.slice(12, 16), digits.slice(16, 20), digits.slice(20)].join(
    '-',
  );
}
