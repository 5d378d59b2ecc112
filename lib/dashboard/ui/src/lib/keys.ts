import { useEffect, useRef } from 'react';

/*
 * Keys of the page: single ones, with ⇧ as `⇧x`, or two in a row as `g r`. They rest while somebody types, and while a
 * dialog is open; Enter belongs to the button or link that has the focus. What was bound last comes first.
 */

export type Keys = Readonly<Record<string, (event: KeyboardEvent) => void>>;

const bound: { current: Keys }[] = [];
let lead: string | null = null;
let leadTimer: ReturnType<typeof setTimeout> | undefined;

export function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  return target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName);
}

/** Those that go on while they are kept down. An act is done once: the next run or question has already come in its place. */
const MOVES: ReadonlySet<string> = new Set(['j', 'k', 'ArrowDown', 'ArrowUp', '[', ']']);

const isPressed = (target: EventTarget | null): boolean =>
  target instanceof Element && target.closest('button, a, summary') !== null;

function nameOf(event: KeyboardEvent): string {
  const { key } = event;
  if (key.length === 1) return event.shiftKey && /[a-z]/i.test(key) ? `⇧${key.toLowerCase()}` : key;
  return key;
}

export function onKey(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.metaKey || event.ctrlKey || event.altKey) return;
  if (isTyping(event.target) || document.querySelector('dialog[open]') !== null) return;
  const name = nameOf(event);
  if (event.repeat && !MOVES.has(name)) return;
  if (name === 'Enter' && isPressed(event.target)) return;
  const full = lead === null ? name : `${lead} ${name}`;
  clearTimeout(leadTimer);
  lead = null;
  if (run(full, event)) return;
  if (bound.some(({ current }) => Object.keys(current).some((key) => key.startsWith(`${name} `)))) {
    lead = name;
    leadTimer = setTimeout(() => (lead = null), 1200);
    event.preventDefault();
  }
}

function run(name: string, event: KeyboardEvent): boolean {
  for (const { current } of bound.toReversed()) {
    const handler = current[name];
    if (handler === undefined) continue;
    event.preventDefault();
    handler(event);
    return true;
  }
  return false;
}

/** Binds keys as long as the part is there. */
export function useKeys(keys: Keys): void {
  const ref = useRef(keys);
  ref.current = keys;
  useEffect(() => {
    bound.push(ref);
    return () => void bound.splice(bound.indexOf(ref), 1);
  }, []);
}

/** `⌘` on a Mac, `Ctrl` elsewhere. */
export const MOD = /Mac|iP(hone|ad)/.test(navigator.platform) ? '⌘' : 'Ctrl';
