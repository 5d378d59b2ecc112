import { fileURLToPath } from 'node:url';
import { relative } from 'node:path';
import type { StoredError } from '../../core/errors/stored-error.js';
import { type Part, tone } from '../output/text.js';

const MOST_FRAMES = 6;
const MOST_CAUSES = 4;
/** Frames of Node, of packages and of this one are nobody's own. */
const FOREIGN = /node_modules|\bnode:|<anonymous>|native/;

/** An error with the app's own frames, and its causes. */
export function errorLines(error: StoredError, cwd: string): Part[] {
  const lines: Part[] = [];
  let at: StoredError | undefined = error;
  for (let depth = 0; at !== undefined && depth < MOST_CAUSES; depth++) {
    const code = at.code === undefined || at.code === at.name ? '' : ` (${at.code})`;
    const [first = '', ...rest] = `${at.name}: ${at.message}${code}`.split('\n');
    lines.push(['  ', ...(depth === 0 ? [] : [tone('dim', 'caused by ')]), tone('red', first)]);
    lines.push(...rest.map((line) => ['    ', tone('red', line)]));
    lines.push(...ownFrames(at.stack, cwd).map((frame) => ['    ', tone('dim', frame)]));
    at = at.cause;
  }
  return lines;
}

function ownFrames(stack: unknown, cwd: string): string[] {
  if (typeof stack !== 'string') return [];
  const frames = stack.split('\n').flatMap((line) => /^\s+(at .*)$/.exec(line)?.[1] ?? []);
  return frames
    .filter((frame) => !FOREIGN.test(frame))
    .slice(0, MOST_FRAMES)
    .map((frame) => frame.replace(/(file:\/\/\S+|\/[^\s():]+)(?=:\d+:\d+)/, (place) => shortened(place, cwd)));
}

function shortened(place: string, cwd: string): string {
  try {
    const path = place.startsWith('file:') ? fileURLToPath(place) : place;
    const near = relative(cwd, path);
    return near.startsWith('..') ? path : near;
  } catch {
    return place;
  }
}
