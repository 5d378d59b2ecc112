import { read } from './text-of.js';

/**
 * True when an import failed because the package is not installed. By the code alone: an error of another realm,
 * as Jest's is, is no `instanceof Error`.
 */
export function isMissingModule(error: unknown): boolean {
  const code = read(error, 'code');
  return code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND';
}
