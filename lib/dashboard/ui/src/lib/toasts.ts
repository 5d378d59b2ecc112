import { store } from './store.js';

/*
 * What an act has to say. No act asks whether somebody is sure: what has an inverse is done at once and can be taken
 * back, what has none is sent some seconds later, and at once when the page is left.
 */

export interface Toast {
  readonly id: number;
  readonly text: string;
  readonly tone: 'done' | 'bad' | 'plain';
  /** Where what it tells of can be seen. */
  readonly href?: string;
  readonly link?: string;
  /** Takes it back. */
  readonly undo?: () => void;
  /** When it is sent, ms since the epoch. */
  readonly sendAt?: number;
}

export const toasts = store<readonly Toast[]>([]);

let last = 0;
const timers = new Map<number, ReturnType<typeof setTimeout>>();
const waiting = new Map<number, (keepalive: boolean) => void>();
/** ms */
const STAYS = 8000;

/** With one more; those that can still be taken back stay, of the others the last ones. */
function withOne(all: readonly Toast[], toast: Toast): readonly Toast[] {
  const told = all.filter(({ sendAt }) => sendAt === undefined).slice(-2);
  return [...all.filter((one) => one.sendAt !== undefined || told.includes(one)), toast];
}

export function tell(toast: Omit<Toast, 'id'>, stays = STAYS): number {
  const id = ++last;
  toasts.set((all) => withOne(all, { ...toast, id }));
  if (stays > 0)
    timers.set(
      id,
      setTimeout(() => dismiss(id), stays),
    );
  return id;
}

export function dismiss(id: number): void {
  clearTimeout(timers.get(id));
  timers.delete(id);
  toasts.set((all) => all.filter((toast) => toast.id !== id));
}

/** Sends `ms` from now unless it is undone; `undone`: what the page puts back. */
export function later(text: string, ms: number, send: (keepalive: boolean) => void, undone?: () => void): void {
  const id = ++last;
  const go = (keepalive: boolean): void => {
    if (!waiting.delete(id)) return;
    dismiss(id);
    send(keepalive);
  };
  waiting.set(id, go);
  const undo = (): void => {
    if (!waiting.delete(id)) return;
    dismiss(id);
    undone?.();
  };
  toasts.set((all) => withOne(all, { id, text, tone: 'plain', undo, sendAt: Date.now() + ms }));
  timers.set(
    id,
    setTimeout(() => go(false), ms),
  );
}

/** Takes the last one back that can be. */
export function undoLast(): boolean {
  const toast = toasts.get().findLast(({ undo }) => undo !== undefined);
  if (toast === undefined) return false;
  toast.undo?.();
  dismiss(toast.id);
  return true;
}

export function sendAllNow(): void {
  for (const go of waiting.values()) go(true);
}
