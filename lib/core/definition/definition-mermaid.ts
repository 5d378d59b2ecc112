import { workflowGraph, type GraphEdge, type GraphNode } from './definition-graph.js';
import type { WorkflowDefinition } from './definition.js';

/**
 * A definition as the text of a Mermaid flowchart (https://mermaid.js.org/syntax/flowchart.html), for a README, an
 * issue or a live editor. Whatever is in a name, the text is valid and shows the name as it is. Declared jumps and
 * compensations are dotted; the members of a parallel and of a loop stand in a box.
 */
export function toMermaid(definition: WorkflowDefinition): string {
  const { nodes, edges } = workflowGraph(definition);
  // Own ids: a node called "end", or one that begins with an "o" after a line, means something else to Mermaid.
  const ids = new Map(nodes.map(({ id }, index) => [id, `n${index}`]));
  const idOf = (id: string): string => ids.get(id) ?? id;
  const byId = new Map(nodes.map((node) => [node.id, node]));

  const boxes = (parent: string | null, indent: string): string[] =>
    nodes
      .filter((node) => boxOf(node, byId) === parent)
      .flatMap((node) => {
        const line = `${indent}${idOf(node.id)}${shape(node)}`;
        if (node.kind !== 'parallel' && node.kind !== 'forEach') return [line];
        const title = text(node.kind === 'parallel' ? node.name : `each of ${node.name}`);
        const inside = boxes(node.id, `${indent}  `);
        return [`${indent}subgraph b${idOf(node.id)}["${title}"]`, ...inside, `${indent}end`, line];
      });

  return ['flowchart TD', ...boxes(null, '  '), ...edges.map((edge) => `  ${edgeLine(edge, idOf)}`), ''].join('\n');
}

/** The fan-out that a node is inside of, through branch arms: branches have no box. */
function boxOf({ parent }: GraphNode, byId: ReadonlyMap<string, GraphNode>): string | null {
  const owner = parent === null ? undefined : byId.get(parent);
  if (owner === undefined) return null;
  return owner.kind === 'branch' ? boxOf(owner, byId) : owner.id;
}

function shape({ kind, name }: GraphNode): string {
  switch (kind) {
    case 'start':
    case 'end':
      return `(["${kind}"])`;
    case 'step':
      return `["${text(name)}"]`;
    case 'decision':
      return `{{"${text(name)}"}}`;
    case 'branch':
      return `{"${text(name)}"}`;
    case 'fork':
      return `[/"${text(name)}"\\]`;
    case 'parallel':
      return `[\\"${text(name)}"/]`;
    case 'forEach':
      return `[["${text(name)}"]]`;
    case 'compensation':
      return `("${text(name)}")`;
  }
}

function edgeLine({ from, to, kind, label }: GraphEdge, idOf: (id: string) => string): string {
  switch (kind) {
    case 'next':
      return `${idOf(from)} --> ${idOf(to)}`;
    case 'arm':
      return label === null
        ? `${idOf(from)} -->|"each item"| ${idOf(to)}`
        : `${idOf(from)} -->|"${label === '' ? text('""') : text(label)}"| ${idOf(to)}`;
    case 'item':
      return `${idOf(from)} -->|"next"| ${idOf(to)}`;
    case 'goto':
      return `${idOf(from)} -.->|"goto"| ${idOf(to)}`;
    case 'compensate':
      return `${idOf(from)} -.->|"undo"| ${idOf(to)}`;
  }
}

/**
 * A label between quotes. Letters and digits of any script stand for themselves, and `_`, `-` and spaces between them;
 * all else becomes `#code;`, Mermaid's entity code. That leaves nothing of Markdown, HTML or Mermaid's own syntax: a
 * label that begins with "1." or "- " would be read as a list, "`" as Markdown, `:` after "style" starts a rule that
 * eats the `;` of the next code.
 */
function text(label: string): string {
  return label.replace(SPECIAL, (character) => `#${character.codePointAt(0) ?? 0};`);
}

const SPECIAL = /(?![\p{L}\p{N}\p{M}])(?!(?<=[\p{L}\p{N}])[_ -](?=[\p{L}\p{N}]))[^]/gu;
