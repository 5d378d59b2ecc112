import { decodeName } from '../../core/definition/definition-path.js';
import type { StepRecord } from '../../core/run/execution.js';

/** A member, an arm, or an item of a loop, with what was recorded of it and of what is in it. */
export interface StepNode {
  /** As people read it: `charge`, `delivery:`, `[12]`. */
  readonly label: string;
  readonly kind: 'member' | 'arm' | 'item';
  /** Its attempts, in order; of the last visit at the end. */
  readonly records: StepRecord[];
  readonly children: StepNode[];
  /** By label, since a loop may have many. */
  readonly known: Map<string, StepNode>;
}

/** The attempts of one round as a tree along their paths, in the order of their first appearance; what was undone last. */
export function stepTree(records: readonly StepRecord[]): StepNode[] {
  const root = node('', 'member');
  for (const record of records.filter((one) => !one.isCompensation)) placeOf(root, record.path).records.push(record);
  for (const record of records.filter((one) => one.isCompensation)) {
    const label = `${record.step} (undoes ${record.compensationFor ?? '?'})`;
    child(root, `${record.path} undo`, label, 'member').records.push(record);
  }
  return root.children;
}

function placeOf(root: StepNode, path: string): StepNode {
  let at = root;
  for (const segment of path.split('/')) {
    const [, name = segment, arm, item] = /^([^.[\]~]+)(?:\.([^.[\]~]*)|\[(\d+)\])?$/.exec(segment) ?? [];
    at = child(at, name, decodeName(name), 'member');
    if (arm !== undefined) at = child(at, `.${arm}`, `${decodeName(arm)}:`, 'arm');
    if (item !== undefined) at = child(at, `[${item}]`, `[${item}]`, 'item');
  }
  return at;
}

function child(parent: StepNode, key: string, label: string, kind: StepNode['kind']): StepNode {
  let found = parent.known.get(key);
  if (found === undefined) {
    found = node(label, kind);
    parent.known.set(key, found);
    parent.children.push(found);
  }
  return found;
}

function node(label: string, kind: StepNode['kind']): StepNode {
  return { label, kind, records: [], children: [], known: new Map() };
}

/**
 * How far it is, from its own last record or those below it.
 * @param goesOn its run does: what waits for its next attempt has not failed, nor has what it is in
 */
export function stateOf(of: StepNode, goesOn: boolean): StepRecord['status'] {
  const { records, children } = of;
  const last = records.at(-1);
  if (isTriedAgain(of, goesOn)) return 'waiting';
  if (last !== undefined && (last.status !== 'completed' || children.length === 0)) return last.status;
  const states = new Set(children.map((one) => stateOf(one, goesOn)));
  for (const state of ['running', 'failed', 'waiting'] as const) if (states.has(state)) return state;
  return 'completed';
}

/** Its last attempt has failed, and another one follows. */
export function isTriedAgain({ records }: StepNode, goesOn: boolean): boolean {
  const last = records.at(-1);
  return goesOn && last?.status === 'failed' && last.retryAt !== undefined;
}
