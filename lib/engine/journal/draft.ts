import type { RecordType } from '../../core/run/machine.js';
import { pathOfOnce } from '../../core/run/once-path.js';
import type { PreparedChild } from '../ports/children.js';
import type { RemoteStart, NewRecord, NewWait, OpExtras, Outcome } from '../ports/store.js';

/** A wait that no further pass asks for, and the step that asked. */
export interface ClosedWait {
  readonly id: string;
  readonly path: string;
}

/** The next commit of a session. */
export interface Draft {
  readonly records: NewRecord[];
  waits: readonly NewWait[];
  closes: readonly ClosedWait[];
  remoteStarts: readonly RemoteStart[];
  children: readonly PreparedChild[];
  compensating: boolean | null;
  closeAll: boolean;
  giveBack: boolean;
  dropSteps: boolean;
  /** There is something beside records. */
  hasMore: boolean;
  /** Callbacks for the commit, each with the last record that it is about; false: that is not in the journal. */
  told: readonly Told[];
}

interface Told {
  readonly seq: number;
  readonly tell: (taken: boolean) => void;
}

/** Most commits have nothing but records: they share the list that has nothing in it. */
export const NOTHING: readonly never[] = Object.freeze([]);

/** A list of a draft with more in it: the same one, which is the draft's alone, but for the first time. */
export function appended<T>(list: readonly T[], more: readonly T[]): readonly T[] {
  if (more.length === 0) return list;
  if (list === NOTHING) return [...more];
  (list as T[]).push(...more);
  return list;
}

export function emptyDraft(): Draft {
  return {
    records: [],
    waits: NOTHING,
    closes: NOTHING,
    remoteStarts: NOTHING,
    children: NOTHING,
    compensating: null,
    closeAll: false,
    giveBack: false,
    dropSteps: false,
    hasMore: false,
    told: NOTHING,
  };
}

/** @param isChild others may wait for the run's end */
export function extrasOf(draft: Draft, outcome: Outcome | null, isChild: boolean): OpExtras | null {
  const awaited = isChild && outcome?.kind === 'end';
  if (!draft.hasMore && !awaited) return null;
  const closes = draft.closes.map(({ id }) => id);
  const closed = new Set(closes);
  const { remoteStarts, children, compensating, closeAll, giveBack, dropSteps } = draft;
  return {
    // The statement closes waits that are there before it: one that is asked for and closed at once is none.
    waits: closeAll ? [] : draft.waits.filter((wait) => !closed.has(wait.id)),
    closes,
    remoteStarts,
    children: children.map(({ start }) => start),
    awaited,
    compensating,
    closeAll,
    giveBack,
    dropSteps,
    pause: null,
  };
}

/** Records that the engine makes by itself, also after one that is not committed yet. */
const OWN: ReadonlySet<RecordType> = new Set(['gather', 'remote', 'intent', 'rollback']);

/**
 * A draft taken apart: what the code of each step has left, which stands by itself since it began after all that it builds on was
 * committed; in the order of the records. And the rest, which may build on any of that.
 */
export function partsOf(draft: Draft): { parts: Draft[]; rest: Draft } {
  const parts = new Map<string, Draft>();
  const rest = emptyDraft();
  const partOf = (path: string): Draft => {
    const part = parts.get(path) ?? emptyDraft();
    parts.set(path, part);
    return part;
  };
  const pathOfChild = new Map<string, string>();
  for (const record of draft.records) {
    const path = pathOfOnce(record.path);
    (OWN.has(record.type) ? rest : partOf(path)).records.push(record);
    if (record.facts?.child !== undefined) pathOfChild.set(record.facts.child.id, path);
  }
  for (const wait of draft.waits) add(partOf(wait.path), 'waits', wait);
  for (const child of draft.children) add(partOf(pathOfChild.get(child.start.id) ?? ''), 'children', child);
  for (const closed of draft.closes) add(parts.get(closed.path) ?? rest, 'closes', closed);
  rest.remoteStarts = draft.remoteStarts;
  rest.compensating = draft.compensating;
  rest.closeAll = draft.closeAll;
  rest.giveBack = draft.giveBack;
  rest.dropSteps = draft.dropSteps;
  for (const part of [...parts.values(), rest]) part.hasMore = hasMore(part);
  return { parts: [...parts.values()], rest };
}

function add<K extends 'waits' | 'children' | 'closes'>(draft: Draft, list: K, one: Draft[K][number]): void {
  draft[list] = appended<Draft[K][number]>(draft[list], [one]) as Draft[K];
}

function hasMore({ waits, closes, remoteStarts, children, compensating, closeAll, dropSteps }: Draft): boolean {
  const lists = [waits, closes, remoteStarts, children];
  return lists.some((list) => list.length > 0) || compensating !== null || closeAll || dropSteps;
}
