import { AsyncLocalStorage } from 'node:async_hooks';
import { shared } from '../../core/shared.js';

/** To be raised with every change of what a running step and the functions that work in it expect of each other. */
const SHAPE = 1;

/** By shape: copies of one version find each other's steps, those of another find that there is one. */
const storages = shared('steps', () => new Map<number, AsyncLocalStorage<unknown>>());

/** Storage of the attempt that the calling code belongs to. */
export function stepStorage<Scope>(): AsyncLocalStorage<Scope> {
  const found = storages.get(SHAPE) ?? new AsyncLocalStorage<unknown>();
  storages.set(SHAPE, found);
  return found as AsyncLocalStorage<Scope>;
}

/** True when the calling code belongs to a step that another version of this package runs. */
export function isInOtherVersion(): boolean {
  return [...storages].some(([shape, storage]) => shape !== SHAPE && storage.getStore() !== undefined);
}
