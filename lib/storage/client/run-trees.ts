/** A finished run that may be deleted as far as it goes itself. */
export interface OldRun {
  readonly id: string;
  readonly parent: string | null;
}

/** A run somewhere below such a one. */
export interface RunBelow {
  readonly id: string;
  readonly parent: string | null;
  readonly ended: boolean;
  /** It is itself one that may be deleted, of this stretch of history or another. */
  readonly old: boolean;
}

interface Node {
  readonly id: string;
  readonly parent: string | null;
  readonly isRoot: boolean;
  readonly isOld: boolean;
  above: Node | null;
  /** The nearest run above it, or itself, that may be deleted as far as it goes itself. */
  root: Node | null;
  /** It, or something below it, has to stay. */
  isBlocked: boolean;
}

/**
 * Old runs with all that is below them. A run goes with the nearest old one above it, or as one itself, and only where nothing
 * below that has to stay. Each run is in here once, however many old ones are above it.
 */
export class RunTrees {
  private readonly nodes = new Map<string, Node>();

  constructor(roots: readonly OldRun[]) {
    for (const { id, parent } of roots) this.put({ id, parent, isRoot: true, isOld: true });
  }

  /** Runs below those that are in: what is above each of them comes before it. */
  add(runs: readonly RunBelow[]): void {
    for (const { id, parent, ended, old: isOld } of runs) {
      const node = this.put({ id, parent, isRoot: false, isOld });
      if (!ended) node.isBlocked = true;
    }
  }

  get size(): number {
    return this.nodes.size;
  }

  get ids(): string[] {
    return [...this.nodes.keys()];
  }

  /** To be called once all are in. */
  link(): void {
    for (const node of this.nodes.values()) {
      node.above = node.parent === null ? null : (this.nodes.get(node.parent) ?? null);
      node.root = node.isRoot ? node : (node.above?.root ?? null);
    }
    for (const node of this.nodes.values()) if (node.isBlocked) this.block(node.id);
  }

  /** It stays, and so does all above it. */
  block(id: string): void {
    const node = this.nodes.get(id);
    if (node === undefined) return;
    node.isBlocked = true;
    for (let one = node.above; one !== null && !one.isBlocked; one = one.above) one.isBlocked = true;
  }

  get blocked(): string[] {
    return [...this.nodes.values()].flatMap(({ id, isBlocked }) => (isBlocked ? [id] : []));
  }

  /** True as long as nothing below the old run that it goes with has to stay. */
  mayGo(id: string): boolean {
    return this.nodes.get(id)?.root?.isBlocked === false;
  }

  /** All of them, each after what is below it. */
  leavesFirst(): string[] {
    const below = new Map<Node | null, Node[]>();
    for (const node of this.nodes.values()) {
      const list = below.get(node.above);
      if (list === undefined) below.set(node.above, [node]);
      else list.push(node);
    }
    const order = [...(below.get(null) ?? [])];
    // What is appended is gone through too.
    for (const node of order) for (const one of below.get(node) ?? []) order.push(one);
    return order.map(({ id }) => id).reverse();
  }

  /** Number of those that may go, without what goes with an old run of another stretch, which is counted there. */
  count(): number {
    const counted = new Set<Node>();
    for (const node of this.nodes.values()) {
      const isOurs = node.isRoot || (!node.isOld && node.above !== null && counted.has(node.above));
      if (isOurs && node.root?.isBlocked === false) counted.add(node);
    }
    return counted.size;
  }

  private put({ id, parent, isRoot, isOld }: Pick<Node, 'id' | 'parent' | 'isRoot' | 'isOld'>): Node {
    const node: Node = { id, parent, isRoot, isOld, above: null, root: null, isBlocked: false };
    this.nodes.set(id, node);
    return node;
  }
}
