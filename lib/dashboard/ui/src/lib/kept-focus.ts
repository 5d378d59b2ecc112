import { type DOMAttributes, type RefObject, useLayoutEffect, useRef } from 'react';

/**
 * Keeps the focus in a group of buttons: where one goes with what it has done, the group gets it, and Tab leads to the others.
 * To be put on an element that has `tabIndex={-1}`, by the component that draws the buttons.
 */
export function useKeptFocus<T extends HTMLElement>(): DOMAttributes<T> & { ref: RefObject<T | null> } {
  const ref = useRef<T>(null);
  const last = useRef<Element | null>(null);
  useLayoutEffect(() => {
    if (last.current === null || last.current.isConnected) return;
    last.current = null;
    if (document.activeElement === null || document.activeElement === document.body) {
      ref.current?.focus({ preventScroll: true });
    }
  });
  return {
    ref,
    // A popover gives it back by itself.
    onFocus: ({ target }) => void (last.current = target.closest('[popover]') === null ? target : null),
    // Of what goes away while it has the focus React tells nothing.
    onBlur: () => void (last.current = null),
  };
}
