import { read, textOf } from '../../core/text-of.js';

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
