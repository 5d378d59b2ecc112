import { store } from './store.js';

export const paletteOpen = store(false);

/** What was typed since the palette was asked for and before it is there: none of it is lost, or read as a key of the page. */
let typed = '';

/** @returns true: the key is the palette's */
export function typeAhead({ key, metaKey, ctrlKey, altKey }: KeyboardEvent): boolean {
  if (!paletteOpen.get() || document.querySelector('dialog[open]') !== null) return false;
  if (key === 'Escape') paletteOpen.set(false);
  else if (key === 'Backspace') typed = typed.slice(0, -1);
  else if (key.length === 1 && !metaKey && !ctrlKey && !altKey) typed += key;
  return true;
}

export function takeTyped(): string {
  const text = typed;
  typed = '';
  return text;
}
