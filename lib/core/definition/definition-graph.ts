import type { NodeKind, Sequence, WorkflowDefinition, WorkflowNode } from './definition.js';
import { armPrefix, encodeName, nodePath } from './definition-path.js';

/**
 * Kind of a node: a member's, or
 * - `start`, `end`: the beginning of every run, the end of a completed one
 * - `fork`: the beginning of a parallel's arms; the parallel's own node is its collector, which runs after them
 * - `compensation`: undoes the steps that have an edge to it
 */
export type GraphNodeKind = NodeKind | 'start' | 'end' | 'fork' | 'compensation';

/** A node of the graph. */
export interface GraphNode {
  /**
   * Unique in the graph. For members it is the path of their records, with `[]` for the items of a loop:
   * `fulfil.delivery/book`, `recipients[]/sendOne`.
   */
  readonly id: string;
  readonly kind: GraphNodeKind;
  /** The member's name; `''` for `start` and `end`, and the parallel's for a fork. */
  readonly name: string;
  /** Id of the branch, parallel or loop in whose arm it stands; `null` in the main sequence. */
  readonly parent: string | null;
  /** The arm's key; `''` in a loop, `null` in the main sequence. */
  readonly arm: string | null;
}

/**
 * Kind of an edge:
 * - `next`: to the following member
 * - `arm`: into the first member of an arm; `label` is its key, or `null` into a loop's
 * - `item`: from the last member of a loop's arm back to the loop, for the next item
 * - `goto`: a declared jump
 * - `compensate`: from a step to its compensation
 */
export type GraphEdgeKind = 'next' | 'arm' | 'item' | 'goto' | 'compensate';

/** An edge of the graph. */
export interface GraphEdge {
  readonly from: string;
  readonly to: string;
  readonly kind: GraphEdgeKind;
  readonly label: string | null;
}

/** A workflow as a picture: each member once, and every way that a run can go. */
export interface WorkflowGraph {
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly GraphEdge[];
}

const START = '[start]';
const END = '[end]';

/** The graph of a definition, such as `listWorkflows()` gives: nodes in the order they are written, then their edges. */
export function workflowGraph(definition: WorkflowDefinition): WorkflowGraph {
  const nodes: GraphNode[] = [];
  const edges: GraphEdge[] = [];
  /** Node at which a jump to a member arrives, by the member's name, which is unique in a workflow. */
  const entries = new Map<string, string>();
  const gotos: { from: string; to: string }[] = [];

  const link = (exits: readonly string[], to: string, kind: GraphEdgeKind = 'next'): void => {
    for (const from of exits) edges.push({ from, to, kind, label: null });
  };

  /** Adds a sequence; gives where it begins and from where it goes on. */
  const addSequence = (sequence: Sequence, place: ArmRef): { entry: string | null; exits: string[] } => {
    let first: string | null = null;
    let exits: string[] = [];
    for (const node of sequence) {
      const entry = addNode(node, place);
      link(exits, entry.entry);
      first ??= entry.entry;
      exits = entry.exits;
    }
    return { entry: first, exits };
  };

  /** Adds the arms of a member; gives from where they go on. */
  const addArm = (from: string, label: string | null, sequence: Sequence, place: ArmRef): string[] => {
    const { entry, exits } = addSequence(sequence, place);
    if (entry === null) return [from];
    edges.push({ from, to: entry, kind: 'arm', label });
    return exits;
  };

  const addNode = (node: WorkflowNode, { prefix, parent, arm }: ArmRef): { entry: string; exits: string[] } => {
    const id = nodePath(prefix, node.name);
    const own: GraphNode = { id, kind: node.kind, name: node.name, parent, arm };
    const { compensate } = node.settings;
    if (compensate !== null) edges.push({ from: id, to: compensationId(compensate), kind: 'compensate', label: null });
    if ('goto' in node) gotos.push(...node.goto.map((to) => ({ from: id, to })));
    switch (node.kind) {
      case 'step':
      case 'decision':
        nodes.push(own);
        entries.set(node.name, id);
        return { entry: id, exits: [id] };
      case 'branch': {
        nodes.push(own);
        entries.set(node.name, id);
        const arms = Object.entries(node.arms);
        const exits = arms.flatMap(([key, sequence]) =>
          addArm(id, key, sequence, { prefix: armPrefix(id, key), parent: id, arm: key }),
        );
        return { entry: id, exits };
      }
      case 'parallel': {
        const fork = `${id}[fork]`;
        nodes.push({ ...own, id: fork, kind: 'fork' });
        entries.set(node.name, fork);
        for (const [key, sequence] of Object.entries(node.arms)) {
          link(addArm(fork, key, sequence, { prefix: armPrefix(id, key), parent: id, arm: key }), id);
        }
        nodes.push(own);
        return { entry: fork, exits: [id] };
      }
      case 'forEach':
        nodes.push(own);
        entries.set(node.name, id);
        link(addArm(id, null, node.arm, { prefix: `${id}[]/`, parent: id, arm: '' }), id, 'item');
        return { entry: id, exits: [id] };
    }
  };

  nodes.push({ id: START, kind: 'start', name: '', parent: null, arm: null });
  const main = addSequence(definition.nodes, { prefix: '', parent: null, arm: null });
  if (main.entry !== null) link([START], main.entry);
  link(main.entry === null ? [START] : main.exits, END);
  nodes.push({ id: END, kind: 'end', name: '', parent: null, arm: null });
  for (const { name } of definition.compensations) {
    nodes.push({ id: compensationId(name), kind: 'compensation', name, parent: null, arm: null });
  }
  for (const { from, to } of gotos) {
    const target = entries.get(to);
    if (target !== undefined) edges.push({ from, to: target, kind: 'goto', label: null });
  }
  return { nodes, edges };
}

interface ArmRef {
  readonly prefix: string;
  readonly parent: string | null;
  readonly arm: string | null;
}

/** No member's path begins like this, so that the ids of both never meet. */
function compensationId(name: string): string {
  return `~${encodeName(name)}`;
}
