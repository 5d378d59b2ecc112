import { ANY, DEEP, type PathPart } from './redact-path.js';

/** A place in the tree of all paths. */
class PathNode {
  readonly keys = new Map<string, PathNode>();
  any: PathNode | null = null;
  deep: PathNode | null = null;
  /** A path ends here. */
  ends = false;

  /** `loops`: it stands for `**`, and stays where it is whatever the next key is. */
  constructor(readonly loops: boolean) {}
}

/**
 * Progress of the paths at one place of a value: the states of an automaton over keys, of which there are never more than
 * the paths have parts, so that `**` costs no more than a visit. The state after a key is cached: a list of many objects
 * computes it once.
 */
export class PathState {
  /** A path ends here. */
  readonly hides: boolean;
  private readonly named: readonly PathNode[];
  private readonly found = new Map<string, PathState | null>();
  private others: PathState | null | undefined;
  private index: boolean | undefined;

  private constructor(private readonly nodes: readonly PathNode[]) {
    this.hides = nodes.some((node) => node.ends);
    this.named = nodes.filter((node) => node.keys.size > 0);
  }

  /** The root of a value. A new one forgets what values before have had. */
  static at(root: PathNode): PathState {
    return new PathState(root.deep === null ? [root] : [root, root.deep]);
  }

  /** The place that no path leads to. */
  static nowhere(): PathState {
    return new PathState([]);
  }

  /** Below the key; null: no path goes on there. `key` null: one that no path can name. */
  below(key: string | null): PathState | null {
    if (key === null || !this.named.some((node) => node.keys.has(key))) return this.rest;
    let place = this.found.get(key);
    if (place === undefined) this.found.set(key, (place = this.after(key)));
    return place;
  }

  /** Below a key that is not named here. */
  get rest(): PathState | null {
    if (this.others === undefined) this.others = this.after(null);
    return this.others;
  }

  /** True when a path names an index here: else all items of a list are alike. */
  get namesIndex(): boolean {
    return (this.index ??= this.named.some(({ keys }) => [...keys.keys()].some((key) => /^\d+$/.test(key))));
  }

  with(other: PathState): PathState {
    return new PathState([...new Set([...this.nodes, ...other.nodes])]);
  }

  private after(key: string | null): PathState | null {
    const next = new Set<PathNode>();
    for (const node of this.nodes) {
      if (node.loops) next.add(node);
      for (const one of [key === null ? undefined : node.keys.get(key), node.any]) {
        if (one) next.add(one);
        if (one?.deep) next.add(one.deep);
      }
    }
    if (next.size === 0) return null;
    if (next.size === this.nodes.length && this.nodes.every((node) => next.has(node))) return this;
    return new PathState([...next]);
  }
}

/** The root of the tree of the paths. */
export function pathTree(paths: readonly (readonly PathPart[])[]): PathNode {
  const root = new PathNode(false);
  for (const parts of paths) {
    let node = root;
    for (const part of parts) node = childOf(node, part);
    node.ends = true;
  }
  return root;
}

export type { PathNode };

function childOf(node: PathNode, part: PathPart): PathNode {
  if (part === ANY) return (node.any ??= new PathNode(false));
  if (part === DEEP) return (node.deep ??= new PathNode(true));
  let child = node.keys.get(part);
  if (child === undefined) node.keys.set(part, (child = new PathNode(false)));
  return child;
}
