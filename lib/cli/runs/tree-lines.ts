import type { StepRecord } from '../../core/run/execution.js';
import { pad, type Part, type Tone, tone, widthOf } from '../output/text.js';
import { span } from '../output/time.js';
import { isTriedAgain, stateOf, type StepNode, stepTree } from './step-tree.js';

/** Items of a loop that are shown one by one; of more, those that have not completed, this many of them. */
const MOST_ITEMS = 20;
/** Columns that names are given at most. */
const WIDEST = 44;

const LOOKS: Readonly<Record<StepRecord['status'], readonly [string, Tone]>> = {
  completed: ['✓', 'green'],
  failed: ['✗', 'red'],
  waiting: ['◷', 'yellow'],
  running: ['▶', 'blue'],
};

interface Line {
  readonly name: Part;
  readonly facts: Part;
}

/** The steps of a run as lines of a tree. `goesOn`: an attempt that failed may be made again. */
export function treeLines(records: readonly StepRecord[], now: number, goesOn: boolean): Part[] {
  const lines = stepTree(records).flatMap((one) => linesOf(one, 0, now, goesOn));
  const width = Math.min(WIDEST, Math.max(0, ...lines.map(({ name }) => widthOf(name))));
  return lines.map(({ name, facts }) => ['  ', pad(name, width), '  ', facts]);
}

function linesOf(node: StepNode, depth: number, now: number, goesOn: boolean): Line[] {
  const { children } = node;
  const [only] = children;
  // An arm or an item of one step is one line.
  if (node.kind !== 'member' && children.length === 1 && only !== undefined && only.children.length === 0) {
    const merged = { ...only, label: `${node.label} ${only.label}` };
    return linesOf(merged, depth, now, goesOn);
  }
  const own: Line = {
    name: ['  '.repeat(depth), glyphOf(node, goesOn), ' ', node.label],
    facts: factsOf(node, now),
  };
  const items = children.filter(({ kind }) => kind === 'item');
  if (items.length <= MOST_ITEMS) return [own, ...children.flatMap((one) => linesOf(one, depth + 1, now, goesOn))];
  const open = items.filter((item) => stateOf(item, goesOn) !== 'completed');
  const first = [
    ...open.filter((item) => stateOf(item, goesOn) === 'failed'),
    ...open.filter((item) => stateOf(item, goesOn) !== 'failed'),
  ];
  const left = first.length - MOST_ITEMS;
  return [
    { name: own.name, facts: [own.facts, tone('dim', sumOf(items, goesOn))] },
    ...first.slice(0, MOST_ITEMS).flatMap((one) => linesOf(one, depth + 1, now, goesOn)),
    ...(left > 0
      ? [{ name: '  '.repeat(depth + 1), facts: tone('dim', `and ${left} more that have not completed`) }]
      : []),
  ];
}

function glyphOf(node: StepNode, goesOn: boolean): Part {
  if (isTriedAgain(node, goesOn)) return tone('yellow', '↻');
  const state = stateOf(node, goesOn);
  const last = node.records.at(-1);
  if (last?.isCompensation === true && state === 'completed') return tone('magenta', '↩');
  const [glyph, name] = LOOKS[state];
  return tone(name, glyph);
}

function factsOf({ records }: StepNode, now: number): Part {
  const last = records.at(-1);
  if (last === undefined) return '';
  const ms = last.durationMs ?? now - last.startedAt.getTime();
  return [
    pad(tone('dim', span(ms)), 10, 'right'),
    ...(last.visit > 1 ? [tone('dim', `  visit ${last.visit}`)] : []),
    ...(last.attempt > 1 ? [tone('dim', `  attempt ${last.attempt}`)] : []),
    ...(last.childId === null ? [] : [tone('dim', `  child ${last.childId}`)]),
    ...onceOf(records),
    ...(last.error === null ? [] : ['  ', tone('red', `${last.error.name}: ${last.error.message}`)]),
  ];
}

/** Names of what its last visit has recorded with `once()`: it is not done again. */
function onceOf(records: StepNode['records']): Part[] {
  const last = records.at(-1);
  const names = records
    .filter(({ visit }) => visit === last?.visit)
    .flatMap(({ once = [] }) => once.map(({ name }) => name));
  return names.length === 0 ? [] : [tone('dim', `  once ${names.join(', ')}`)];
}

function sumOf(items: readonly StepNode[], goesOn: boolean): string {
  const counts = new Map<string, number>();
  for (const item of items) counts.set(stateOf(item, goesOn), (counts.get(stateOf(item, goesOn)) ?? 0) + 1);
  return `  ${items.length} items: ${[...counts].map(([state, count]) => `${count} ${state}`).join(', ')}`;
}
