/** How a piece of text looks on a terminal that shows colours. */
export type Tone = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'blue' | 'magenta';

export interface Span {
  readonly text: string;
  readonly tone: Tone;
}

/**
 * What is printed: plain strings, and spans with a tone. Whatever text is handed in, no control character of it reaches
 * the terminal: only `render` writes any, and only for tones.
 */
export type Part = string | Span | readonly Part[];

const CODES: Readonly<Record<Tone, readonly [on: number, off: number]>> = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  blue: [34, 39],
  magenta: [35, 39],
};

export function tone(name: Tone, text: string): Span {
  return { text, tone: name };
}

/** Control characters (C0, DEL, C1), line separators, and what turns the direction of writing. */
const CONTROL = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;
const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** The text with its control characters written out: `\n`, `\x1b`, `\u202e`. */
export function escape(text: string): string {
  return text.replace(CONTROL, (character) => {
    const code = character.charCodeAt(0);
    return SHORT[character] ?? (code < 0x100 ? `\\x${hex(code, 2)}` : `\\u${hex(code, 4)}`);
  });
}

/** JSON in which no character is left that a terminal obeys. It stays the same document. */
export function escapeJson(json: string): string {
  return json.replace(/[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g, (character) => {
    return `\\u${hex(character.charCodeAt(0), 4)}`;
  });
}

/** The text to write, escaped, with the codes of its tones where `colour` is on. */
export function render(part: Part, colour: boolean): string {
  return spansOf(part)
    .map(({ text, tone: name }) => {
      if (!colour || name === null || text === '') return text;
      const [on, off] = CODES[name];
      return `\x1b[${on}m${text}\x1b[${off}m`;
    })
    .join('');
}

/** Columns that it takes on a terminal. */
export function widthOf(part: Part): number {
  return spansOf(part).reduce((sum, { text }) => sum + columnsOf(text), 0);
}

/** Cut to so many columns, the last of them `…` where something is left out. */
export function cut(part: Part, width: number): Part {
  if (widthOf(part) <= width) return part;
  if (width <= 0) return '';
  let left = width - 1;
  const kept: Part[] = [];
  for (const { text, tone: name } of spansOf(part)) {
    let end = '';
    for (const segment of graphemesOf(text)) {
      const columns = columnsOf(segment);
      if (columns > left) {
        left = -1;
        break;
      }
      left -= columns;
      end += segment;
    }
    kept.push(name === null ? end : tone(name, end));
    if (left < 0) break;
  }
  return [...kept, '…'];
}

interface Cell {
  readonly text: string;
  readonly tone: Tone | null;
  readonly columns: number;
}

/** Lines of so many columns at most, broken between words where there are any; those after the first are indented. */
export function wrap(part: Part, width: number, indent = 0): Part[] {
  if (widthOf(part) <= width) return [part];
  const cells = spansOf(part).flatMap(({ text, tone: name }): Cell[] =>
    Array.from(graphemesOf(text), (segment) => ({ text: segment, tone: name, columns: columnsOf(segment) })),
  );
  const lines: Part[] = [];
  // On a very narrow terminal there is room for something in any case.
  const margin = Math.min(indent, Math.floor(width / 2));
  let start = 0;
  while (start < cells.length) {
    const room = Math.max(2, lines.length === 0 ? width : width - margin);
    const end = endOfLine(cells, start, room);
    lines.push([lines.length === 0 ? '' : ' '.repeat(margin), ...partsOf(cells.slice(start, end))]);
    start = end;
    while (cells[start]?.text === ' ') start++;
  }
  return lines;
}

/** Where the next line begins. */
function endOfLine(cells: readonly Cell[], start: number, room: number): number {
  let [end, columns, blank, words] = [start, 0, -1, false];
  for (; end < cells.length; end++) {
    const { text, columns: own } = cells[end] ?? { text: '', columns: 0 };
    if (text === ' ' && words) blank = end;
    if (columns + own > room) break;
    if (text !== ' ') words = true;
    columns += own;
  }
  return end === cells.length || blank === -1 ? Math.max(end, start + 1) : blank;
}

function partsOf(cells: readonly Cell[]): Part[] {
  const spans: { text: string; tone: Tone | null }[] = [];
  for (const { text, tone: name } of cells) {
    const last = spans.at(-1);
    if (last?.tone === name && last !== undefined) last.text += text;
    else spans.push({ text, tone: name });
  }
  return spans.map(({ text, tone: name }) => (name === null ? text : tone(name, text)));
}

/** Filled with blanks to so many columns. */
export function pad(part: Part, width: number, align: 'left' | 'right' = 'left'): Part {
  const blanks = ' '.repeat(Math.max(0, width - widthOf(part)));
  return align === 'left' ? [part, blanks] : [blanks, part];
}

interface EscapedSpan {
  readonly text: string;
  readonly tone: Tone | null;
}

function spansOf(part: Part): EscapedSpan[] {
  if (typeof part === 'string') return [{ text: escape(part), tone: null }];
  if ('text' in part) return [{ text: escape(part.text), tone: part.tone }];
  return part.flatMap(spansOf);
}

/** ASCII, and what commands print themselves: each of it is a grapheme, and takes one column. */
const NARROW = /^[ -~…→‖↩↶↻⊘▲△▶○◷✓✗]*$/;
/** East Asian wide and full-width characters, and emoji. */
const WIDE =
  /\p{Emoji_Presentation}|\ufe0f|[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{16fe0}-\u{18cff}\u{1b000}-\u{1b2ff}\u{1f200}-\u{1f2ff}\u{20000}-\u{3fffd}]/u;
const NO_WIDTH = /^[\p{Mark}\u200b-\u200d\ufeff]+$/u;

function columnsOf(text: string): number {
  if (NARROW.test(text)) return text.length;
  let columns = 0;
  for (const segment of graphemesOf(text)) columns += NO_WIDTH.test(segment) ? 0 : WIDE.test(segment) ? 2 : 1;
  return columns;
}

let segmenter: Intl.Segmenter | undefined;

/** The segmenter is made for the first text that needs it: that alone takes 15 ms. */
function* graphemesOf(text: string): Iterable<string> {
  if (NARROW.test(text)) return yield* text;
  segmenter ??= new Intl.Segmenter('en', { granularity: 'grapheme' });
  for (const { segment } of segmenter.segment(text)) yield segment;
}

function hex(code: number, digits: number): string {
  return code.toString(16).padStart(digits, '0');
}
