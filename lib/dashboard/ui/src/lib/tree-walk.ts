import type { Span } from './axis.js';
import type { TreeNode } from './tree-node.js';

/** When something worked, for the axis. */
export function spansOf(tree: readonly TreeNode[], now: number): Span[] {
  const spans: Span[] = [];
  const walk = (nodes: readonly TreeNode[]): void => {
    for (const node of nodes) {
      for (const { kind, from, to } of node.bars) {
        if (kind === 'done' || kind === 'run' || kind === 'fail' || kind === 'undo') spans.push([from, to ?? now]);
        // What is waited for begins and ends visibly; between that nothing works.
        else if (kind === 'wait') spans.push([from, from], [to ?? now, to ?? now]);
      }
      if (node.loop !== undefined && node.from !== null) spans.push([node.from, node.to ?? now]);
      walk(node.children);
    }
  };
  walk(tree);
  return spans;
}

export interface FlatNode {
  readonly node: TreeNode;
  readonly depth: number;
  readonly expanded: boolean | null;
  readonly position: number;
  readonly siblings: number;
}

/** The rows that stand open; `open`: what somebody folded or unfolded. */
export function flatten(tree: readonly TreeNode[], open: ReadonlyMap<string, boolean>, depth = 0): FlatNode[] {
  const rows: FlatNode[] = [];
  tree.forEach((node, i) => {
    const folds = node.children.length > 0 || node.kind === 'loop' || node.kind === 'child';
    const expanded = folds ? (open.get(node.id) ?? node.open) : null;
    rows.push({ node, depth, expanded, position: i + 1, siblings: tree.length });
    if (expanded === true) rows.push(...flatten(node.children, open, depth + 1));
  });
  return rows;
}

export function findNode(tree: readonly TreeNode[], id: string): TreeNode | null {
  for (const node of tree) {
    if (node.id === id) return node;
    const found = findNode(node.children, id);
    if (found !== null) return found;
  }
  return null;
}

/** By path, for the graph: what is known of each member, and what items of a loop come to. */
export function statusByPath(tree: readonly TreeNode[]): Map<string, TreeNode[]> {
  const by = new Map<string, TreeNode[]>();
  const walk = (nodes: readonly TreeNode[]): void => {
    for (const node of nodes) {
      if (node.kind !== 'attempt' && node.kind !== 'child') {
        const key = node.path.replace(/\[\d+\]/g, '[]');
        const of = by.get(key) ?? [];
        of.push(node);
        by.set(key, of);
      }
      walk(node.children);
    }
  };
  walk(tree);
  return by;
}
