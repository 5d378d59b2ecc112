import { duration } from '../../lib/time.js';
import type { Definition } from '../../lib/types.js';

type Node = Definition['nodes'][number];

export function nodeNamed(nodes: Definition['nodes'], name: string): Node | null {
  for (const node of nodes) {
    if (node.name === name) return node;
    const arms =
      node.kind === 'branch' || node.kind === 'parallel'
        ? Object.values(node.arms)
        : node.kind === 'forEach'
          ? [node.arm]
          : [];
    for (const arm of arms) {
      const found = nodeNamed(arm, name);
      if (found !== null) return found;
    }
  }
  return null;
}

/** What the definition says of a step, as facts; names stand between backquotes. */
export function settingsOf(graph: Definition | null, name: string): [string, string][] {
  const node = graph === null ? null : nodeNamed(graph.nodes, name);
  if (node === null) return [];
  const { retry, timeout, compensate, queue } = node.settings;
  const facts: [string, string][] = [];
  if (retry.maxAttempts > 1) {
    const delay =
      retry.backoff === 'constant'
        ? `after ${duration(retry.initialDelay)}`
        : `${retry.backoff} from ${duration(retry.initialDelay)}, factor ${retry.factor}, at most ${duration(retry.maxDelay)}`;
    facts.push(['Attempts', `${retry.maxAttempts}, ${delay}${retry.jitter ? ', ±25 %' : ''}`]);
  } else facts.push(['Attempts', '1']);
  facts.push(['Timeout', timeout === null ? 'none' : duration(timeout)]);
  if (compensate !== null) facts.push(['Undone by', `\`${compensate}\``]);
  facts.push(['Queue', queue === null ? 'of the run' : `\`${queue}\``]);
  if (node.kind === 'forEach')
    facts.push(
      ['At a time', String(node.concurrency)],
      ['If one fails', node.onError === 'failFast' ? 'the loop fails' : 'the loop goes on'],
    );
  if (node.kind === 'parallel')
    facts.push(['If an arm fails', node.onError === 'failFast' ? 'the others are stopped' : 'the others go on']);
  if (node.kind === 'decision')
    facts.push(['May go to', node.goto.map((to) => `\`${to}\``).join(', ')], ['Visits', `up to ${node.maxVisits}`]);
  return facts;
}
