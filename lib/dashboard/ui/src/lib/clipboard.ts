import { tell } from './toasts.js';

/** Copies, and says so: `what` is told. Where the page came by plain http there is no clipboard but that of a selection. */
export function copy(text: string, what: string): void {
  void copied(text).then((isDone) =>
    isDone
      ? tell({ text: what, tone: 'done' }, 3000)
      : tell({ text: 'This browser lets nothing be copied here', tone: 'bad' }),
  );
}

async function copied(text: string): Promise<boolean> {
  // Not there without a secure context, whatever the types say.
  const clipboard = navigator.clipboard as Clipboard | undefined;
  try {
    if (clipboard === undefined) return bySelection(text);
    await clipboard.writeText(text);
    return true;
  } catch {
    return bySelection(text);
  }
}

function bySelection(text: string): boolean {
  const before = document.activeElement;
  const field = document.createElement('textarea');
  field.value = text;
  field.className = 'sr';
  // Behind a dialog nothing gets the focus.
  (document.querySelector('dialog[open]') ?? document.body).append(field);
  field.select();
  // Deprecated, and the only way there is.
  const isDone = document.execCommand('copy');
  field.remove();
  if (before instanceof HTMLElement) before.focus({ preventScroll: true });
  return isDone;
}
