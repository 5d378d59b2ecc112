import { useSyncExternalStore } from 'react';

/*
 * The time of the database, as far as the answers have told it, and a beat for what counts down. All dates come from
 * there, so that a clock that goes wrong here shows nothing wrong.
 */
let offset = 0;
let timer: ReturnType<typeof setInterval> | null = null;
const listeners = new Set<() => void>();

export function serverSaid(now: string): void {
  const said = Date.parse(now);
  if (Number.isFinite(said)) offset = said - Date.now();
}

export const now = (): number => Date.now() + offset;

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  timer ??= setInterval(() => {
    if (document.hidden) return;
    for (const one of listeners) one();
  }, 1000);
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0 || timer === null) return;
    clearInterval(timer);
    timer = null;
  };
}

/** The time, anew each `grain` ms; `null`: it stands. */
export function useNow(grain: number | null = 1000): number {
  const snapshot = (): number => (grain === null ? 0 : Math.floor(now() / grain));
  useSyncExternalStore(grain === null ? still : subscribe, snapshot);
  return now();
}

const still = (): (() => void) => () => undefined;
