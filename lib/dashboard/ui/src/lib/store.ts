import { useSyncExternalStore } from 'react';

/** A value that lives outside of the tree; whoever uses it is drawn anew when it changes. */
export interface Store<T> {
  get(): T;
  set(value: T | ((before: T) => T)): void;
  use(): T;
  subscribe(listener: () => void): () => void;
}

export function store<T>(initial: T): Store<T> {
  let value = initial;
  const listeners = new Set<() => void>();
  const subscribe = (listener: () => void): (() => void) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  };
  return {
    get: () => value,
    set: (next) => {
      const now = typeof next === 'function' ? (next as (before: T) => T)(value) : next;
      if (Object.is(now, value)) return;
      value = now;
      for (const listener of listeners) listener();
    },
    use: () => useSyncExternalStore(subscribe, () => value),
    subscribe,
  };
}

/** What this browser keeps; works without a storage as well. */
export function kept<T>(key: string, initial: T): Store<T> {
  const name = `nest-durable.${key}`;
  let first = initial;
  try {
    const text = localStorage.getItem(name);
    if (text !== null) first = JSON.parse(text) as T;
  } catch {
    // Private windows, broken texts.
  }
  const inner = store(first);
  inner.subscribe(() => {
    try {
      localStorage.setItem(name, JSON.stringify(inner.get()));
    } catch {
      // It holds until the page is left.
    }
  });
  return inner;
}
