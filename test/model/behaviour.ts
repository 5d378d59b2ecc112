import type { Act, BranchPlan, Jump, LoopPlan } from './plan.js';

/*
 * What the methods of a planned workflow do, as pure functions of what they are given: the class calls them with what
 * the engine hands to it, the model with what it should have been.
 */

export type Fields = Readonly<Record<string, unknown>>;

/** Where a method returns nothing, jumps or finishes. */
export type Returned =
  | { readonly kind: 'data'; readonly data: unknown }
  | { readonly kind: 'nothing' }
  | { readonly kind: 'goto'; readonly to: string; readonly data: Fields | undefined }
  | { readonly kind: 'finish'; readonly data: Fields | undefined };

export function isFields(data: unknown): data is Fields {
  return typeof data === 'object' && data !== null && Object.getPrototypeOf(data) === Object.prototype;
}

/** Data as an object, which in a loop's item it need not be. */
function fieldsOf(data: unknown): Fields {
  return isFields(data) ? data : { was: data };
}

/** The message of what an attempt throws; `null`: it does not. */
export function failureOf(name: string, act: Act, attempt: number, round: number): string | null {
  if (attempt > act.fails || (act.firstRoundOnly && round > 1)) return null;
  return `${name} broke in attempt ${attempt}`;
}

/** What a step gives that does not fail. */
export function returned(name: string, act: Act, data: unknown): Returned {
  const fields = fieldsOf(data);
  switch (act.returns) {
    case 'nothing':
      return { kind: 'nothing' };
    case 'value':
      return { kind: 'data', data: valueBy(name, data) };
    case 'replaced': {
      // Counters of jumps stay, or a jump backwards would never end.
      const kept = Object.entries(fields).filter(([key]) => key.startsWith('$'));
      return { kind: 'data', data: { ...Object.fromEntries(kept), [name]: 'replaced' } };
    }
    default:
      return { kind: 'data', data: { ...fields, [name]: Number(fields[name] ?? 0) + 1 } };
  }
}

/** A decision's or a collector's jump; `null`: it has jumped often enough, or never does. */
export function jumped(name: string, jump: Jump | null, data: unknown): Returned | null {
  if (jump === null) return null;
  const fields = fieldsOf(data);
  const counter = `$${name}`;
  const count = Number(fields[counter] ?? 0);
  if (count < jump.times) return { kind: 'goto', to: jump.to, data: { ...fields, [counter]: count + 1 } };
  return jump.end === 'finish' ? { kind: 'finish', data: { ...fields, [counter]: 'finished' } } : null;
}

/** The data that a selector leaves behind. */
export function writtenBy({ name, act }: BranchPlan | LoopPlan, data: unknown): unknown {
  if (act.returns !== 'written' || !isFields(data)) return data;
  return { ...data, [name]: Number(data[name] ?? 0) + 1 };
}

/** What a selector of a branch picks; depends on the data, so that visits differ. */
export function selected({ values }: BranchPlan, data: unknown): unknown {
  return values[sizeOf(data) % values.length];
}

/** The items of a loop; fewer of them with some data. */
export function itemsOf({ items }: LoopPlan, data: unknown): unknown[] {
  return items.slice(0, items.length - (sizeOf(data) % 2));
}

function sizeOf(data: unknown): number {
  return isFields(data) ? Object.keys(data).length : 1;
}

const VALUES: readonly unknown[] = [7, 'text', null, true, [1, 'two'], new Date(0), new Map([['a', 1]]), 12n];

function valueBy(name: string, data: unknown): unknown {
  return VALUES[(name.length + sizeOf(data)) % VALUES.length];
}

/** What loops go over. */
export const ITEMS: readonly unknown[] = ['one', 2, { id: 3 }, null, [4], false, undefined, { id: 8, $x: 1 }, '', -0];
