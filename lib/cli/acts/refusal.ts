import { read, textOf } from '../../core/text-of.js';
import { inWords } from '../words.js';

/** A run that an act could not be done to. */
export interface Refusal {
  readonly id: string;
  readonly code: string;
  readonly message: string;
}

export function refusalOf(id: string, error: unknown): Refusal {
  const code = read(error, 'code');
  return { id, code: typeof code === 'string' ? code : 'REFUSED', message: textOf(error) };
}

/** The run is named once. */
export function refusalLine({ id, message }: Refusal, was = 'was'): string {
  return `Run ${id} ${was} refused: ${inWords(message).replace(`Run ${id} is`, 'it is')}`;
}
