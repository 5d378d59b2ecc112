import type { Sequence, WorkflowDefinition, WorkflowNode } from './definition.js';

/*
 * Paths of nodes. The same node has the same path in every process and after every deploy that did not touch it:
 *
 *   validate                     in the main sequence
 *   fulfil.delivery/book         in the arm "delivery" of the parallel (or branch) "fulfil"
 *   recipients[12]/sendOne       in item 12 of the loop "recipients"
 *   charge~refund                the compensation "refund" of "charge"
 *
 * Names are encoded, so that one with a `/` in it cannot be taken for two.
 */

const SPECIAL = /[%./[\]~]/g;
/** Names as most are: there is nothing to replace. */
const PLAIN = /^[\w-]*$/;

/** A name as it stands in a path: `% . / [ ] ~` become `%` and two hex digits, all else stays readable. */
export function encodeName(name: string): string {
  if (PLAIN.test(name)) return name;
  return name.replace(SPECIAL, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** The name that `encodeName` was given. */
export function decodeName(encoded: string): string {
  if (!encoded.includes('%')) return encoded;
  return encoded.replace(/%([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/** The path of a node; `prefix` is that of its sequence, `''` for the main one. */
export function nodePath(prefix: string, name: string): string {
  return `${prefix}${encodeName(name)}`;
}

/** The prefix of the paths in an arm of the branch or parallel at `path`. */
export function armPrefix(path: string, arm: string): string {
  return `${path}.${encodeName(arm)}/`;
}

/** The prefix of the paths in one item of the loop at `path`. */
export function itemPrefix(path: string, index: number): string {
  return `${path}[${index}]/`;
}

/** The path of a compensation that undoes the step at `path`. */
export function compensationPath(path: string, name: string): string {
  return `${path}~${encodeName(name)}`;
}

/** The name of what stands at a path: the node's, or that of the compensation for a compensation's path. */
export function stepNameOf(path: string): string {
  return decodeName(path.slice(Math.max(path.lastIndexOf('/'), path.lastIndexOf('~')) + 1));
}

/** The prefix of the sequence that the node at `path` stands in: `''`, or with a `/` at its end. */
export function prefixOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/') + 1);
}

/** The node at a path, or `null`: the place is gone, or the path is that of a compensation. */
export function findNode(definition: WorkflowDefinition, path: string): WorkflowNode | null {
  const last = path.slice(prefixOf(path).length);
  return last.includes('~') ? null : byName(siblings(definition, path), last);
}

/**
 * The sequence that the node at a path stands in, the node included. Also for a node that is gone itself; `null` when
 * a branch, parallel or loop on the way is gone or has no such arm.
 */
export function siblings(definition: WorkflowDefinition, path: string): Sequence | null {
  let sequence: Sequence | null = definition.nodes;
  for (const segment of path.split('/').slice(0, -1)) {
    sequence = armAt(sequence, segment);
  }
  return sequence;
}

const SEGMENT = /^(?<name>[^.[\]~]+)(?:\.(?<arm>[^.[\]~]*)|\[(?:0|[1-9]\d*)\])$/;

/** The sequence that a segment such as `fulfil.delivery` or `recipients[12]` leads into. */
function armAt(sequence: Sequence | null, segment: string): Sequence | null {
  const groups = SEGMENT.exec(segment)?.groups;
  const node = byName(sequence, groups?.['name'] ?? '');
  if (node === null) {
    return null;
  }
  const arm = groups?.['arm'];
  if (arm === undefined) {
    return node.kind === 'forEach' ? node.arm : null;
  }
  if (node.kind !== 'branch' && node.kind !== 'parallel') {
    return null;
  }
  const key = decodeName(arm);
  // An arm may be called "constructor"; what objects inherit is no arm.
  return Object.hasOwn(node.arms, key) ? (node.arms[key] ?? null) : null;
}

function byName(sequence: Sequence | null, encoded: string): WorkflowNode | null {
  const name = decodeName(encoded);
  return sequence?.find((node) => node.name === name) ?? null;
}
