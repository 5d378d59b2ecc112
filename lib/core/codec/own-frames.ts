import { read } from '../text-of.js';

/*
 * Frames of this package in an error's stack: a reader looks for the line of his own that threw. Which they are is told by
 * where this very file lies, so that both builds, a test runner and source maps agree; in a bundle, where all code is one
 * file, nothing is trimmed.
 */

const FRAME = /^\s+at /;
/** Of Node itself, and what a promise or a timer called. */
const RUNTIME =
  /\(node:internal\/|\bat (async )?node:internal\/|^\s+at (new Promise|Array\.|Function\.|async Promise\.)/;
const TURN = /processTicksAndRejections|\bprocessImmediate\b|\blistOnTimeout\b|\bprocessTimers\b/;

/** `…/nest-durable/dist/` and `…/nest-durable/lib/`: of a stack with source maps. Empty: not known. */
const OWN = ownFolders(read(new Error('where am I'), 'stack'));

/**
 * The stack without the frames of this package, and without those of Node that are between them.
 * @param isMeant it is an error that this package throws on purpose: then frames of its own alone say nothing. Else one that
 * consists of nothing else is left as it is, for whoever has to find what is wrong here
 */
export function withoutOwnFrames(stack: string, isMeant: boolean, folders: readonly string[] = OWN): string {
  const lines = stack.split('\n');
  const own = lines.map((line) => FRAME.test(line) && isOwn(line, folders));
  const first = own.indexOf(true);
  if (first < 0) return stack;
  const kept = lines.filter((line, at) => {
    if (own[at] === true) return false;
    return !FRAME.test(line) || !(TURN.test(line) || (at > first && RUNTIME.test(line)));
  });
  return isMeant || kept.some((line) => FRAME.test(line)) ? kept.join('\n') : stack;
}

function isOwn(line: string, folders: readonly string[]): boolean {
  const place = line.replaceAll('\\', '/');
  return folders.some((folder) => place.includes(folder));
}

function ownFolders(stack: unknown): string[] {
  if (typeof stack !== 'string') return [];
  const found = /(?:file:\/\/)?((?:[A-Za-z]:)?[^\s()]*\/)(dist\/cjs|dist|lib)\/core\/codec\/own-frames\./.exec(
    stack.replaceAll('\\', '/'),
  );
  const root = found?.[1];
  return root === undefined ? [] : [`${root}dist/`, `${root}lib/`];
}
