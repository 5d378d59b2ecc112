import { siblings, stepNameOf } from '../definition/definition-path.js';
import type { Said } from './said.js';
import type { StandingFacts, WaitFacts } from './facts.js';
import { isFinished } from '../run/status.js';
import { countOf, listOfNames, momentOf, quoted } from './words.js';

/** The standing of a suspended run by its waits: the one that ends first, children last. */
export function waiting(facts: StandingFacts, sentence: (child: StandingFacts) => string): Said | null {
  const waits = facts.waits.toSorted(inOrder);
  const [first] = waits;
  if (first === undefined) return null;
  const others = waits.length - 1 + facts.moreWaits;
  const more = others === 0 ? '' : `, and ${countOf(others)} more`;
  return {
    kind: first.kind,
    step: first.step,
    title: titleOf(first, sentence) + more,
    until: first.dueAt ?? facts.deadlineAt,
    detail: [
      `In ${quoted(first.step)} since ${momentOf(first.createdAt)}.`,
      // Not after what a timeout does: it comes after the wait, not after that.
      afterOf(facts, first.path),
      timeoutOf(first),
      facts.deadlineAt === null || (first.dueAt !== null && first.dueAt <= facts.deadlineAt)
        ? null
        : `The run's timeout ends it at ${momentOf(facts.deadlineAt)}.`,
    ],
  };
}

function inOrder(a: WaitFacts, b: WaitFacts): number {
  const [x, y] = [Number(a.kind === 'child'), Number(b.kind === 'child')];
  return x - y || Math.sign((a.dueAt?.getTime() ?? Infinity) - (b.dueAt?.getTime() ?? Infinity)) || 0;
}

function titleOf(wait: WaitFacts, sentence: (child: StandingFacts) => string): string {
  const { kind, names, came } = wait;
  switch (kind) {
    case 'input':
      return `Waits for a person to answer ${quoted(names[0] ?? '')}`;
    case 'event':
      return `Waits for the event ${quoted(names[0] ?? '')}`;
    case 'any':
      return `Waits for the event ${listOfNames(names, 'or')}`;
    case 'all': {
      const missing = names.filter((name) => !came.includes(name));
      const which = `Waits for the event${missing.length === 1 ? '' : 's'} ${listOfNames(missing, 'and')}`;
      return `${which}; ${countOf(came.length)} of ${countOf(names.length)} have come`;
    }
    case 'sleep':
      return 'Sleeps';
    case 'child': {
      const { child, childWorkflow, childId } = wait;
      const name = `Waits for its child ${quoted(childWorkflow ?? childId ?? '')}`;
      return child === null ? name : `${name}, which ${clause(child, sentence)}`;
    }
  }
}

/** The child's sentence as part of one. */
function clause(child: StandingFacts, sentence: (child: StandingFacts) => string): string {
  if (isFinished(child.status)) return 'has ended';
  const title = sentence(child);
  if (child.status === 'paused') return `is ${lower(title)}`;
  return title.startsWith('`') ? `waits: ${title}` : lower(title);
}

function lower(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

function timeoutOf({ kind, dueAt, onTimeout }: WaitFacts): string | null {
  if (dueAt === null || kind === 'sleep') return null;
  const does = { throws: 'the wait throws', fails: 'the run fails', value: 'the wait gives its timeout value' };
  return `At ${momentOf(dueAt)} it times out: ${does[onTimeout]}.`;
}

/** The member after a step; null: the definition does not tell. */
function afterOf({ definition }: StandingFacts, path: string): string | null {
  const row = definition === null ? null : siblings(definition, path);
  const at = row?.findIndex((node) => node.name === stepNameOf(path)) ?? -1;
  if (at < 0) return null;
  const next = row?.[at + 1];
  if (next !== undefined) return `Then comes ${quoted(next.name)}.`;
  return path.includes('/') ? null : 'Then it is completed.';
}
