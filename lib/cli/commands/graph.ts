import type { Sequence, WorkflowDefinition, WorkflowNode } from '../../core/definition/definition.js';
import { toMermaid } from '../../core/definition/definition-mermaid.js';
import { WorkflowNotFoundError } from '../../core/errors/errors.js';
import { type Context, flag, type Options } from '../command.js';
import { type Part, tone } from '../output/text.js';
import { span } from '../output/time.js';

export async function run(context: Context, [name = '']: readonly string[], options: Options): Promise<void> {
  const { screen } = context;
  const database = await context.database();
  const [found] = await database.rows<{ definition: WorkflowDefinition }>('find-definition', [name]);
  if (found === undefined) {
    const names = await database.rows<{ name: string }>('workflow-names');
    throw new WorkflowNotFoundError(
      name,
      names.map((row) => row.name),
    );
  }
  const { definition } = found;
  const mermaid = toMermaid(definition);
  if (screen.isJson) return screen.json({ name: definition.name, definition, mermaid });
  // Letters and digits stand for themselves in it, all else is written out.
  if (flag(options, 'mermaid')) return screen.raw(mermaid);
  const description = definition.description === null ? '' : `: ${definition.description}`;
  screen.lines(screen.wrap([tone('bold', definition.name), description], 2));
  screen.lines(sequenceLines(definition.nodes, 1).flatMap(({ depth, line }) => screen.wrap(line, 2 * depth + 4)));
}

interface Line {
  readonly depth: number;
  readonly line: Part;
}

function sequenceLines(nodes: Sequence, depth: number): Line[] {
  return nodes.flatMap((node) => [{ depth, line: ['  '.repeat(depth), lookOf(node)] }, ...armLines(node, depth + 1)]);
}

function armLines(node: WorkflowNode, depth: number): Line[] {
  if (node.kind === 'forEach') return sequenceLines(node.arm, depth);
  if (node.kind !== 'branch' && node.kind !== 'parallel') return [];
  return Object.entries(node.arms).flatMap(([name, arm]) => [
    { depth, line: ['  '.repeat(depth), tone('blue', `${name === '' ? '""' : name}:`)] },
    ...sequenceLines(arm, depth + 1),
  ]);
}

function lookOf(node: WorkflowNode): Part {
  const { retry, timeout, compensate, queue, transactional } = node.settings;
  const facts = [
    ...(node.kind === 'step' ? [] : [KINDS[node.kind]]),
    ...('goto' in node && node.goto.length > 0 ? [`may go to ${node.goto.join(', ')}`] : []),
    ...(retry.maxAttempts > 1 ? [`${retry.maxAttempts} attempts`] : []),
    ...(timeout === null ? [] : [`at most ${span(timeout)}`]),
    ...(queue === null ? [] : [`in queue ${queue}`]),
    ...(transactional ? ['in a transaction'] : []),
    ...(compensate === null ? [] : [`undone by ${compensate}`]),
  ];
  return [node.name, tone('dim', facts.length === 0 ? '' : `  ${facts.join('; ')}`)];
}

const KINDS = { decision: 'decides', branch: 'one of', parallel: 'all of', forEach: 'for each item' } as const;
