import { failureOf } from './behaviour.js';
import { difference, show } from './match.js';
import { membersOf, type Plan, type UndoPlan } from './plan.js';
import type { ExpectedRecord } from './reference.js';
import type { ObservedRecord, ObservedRun } from './verdict.js';

/**
 * How a round must have been undone: told from what it recorded, since a failing fan-out leaves open what that is.
 * Completed steps, last completed first; and those whose intent alone was recorded, at any place.
 */
export class RollbackVerdict {
  /** A compensation must have failed. */
  broken = false;
  private undone = 0;
  private readonly undos: ReadonlyMap<string, UndoPlan>;

  constructor(
    private readonly plan: Plan,
    private readonly run: ObservedRun,
    private readonly round: number,
    /** The records of the round, with what the model says of each. */
    private readonly matched: ReadonlyMap<ObservedRecord, ExpectedRecord>,
    private readonly expected: readonly ExpectedRecord[],
    private readonly found: string[],
  ) {
    this.undos = new Map(plan.undos.map((undo) => [undo.name, undo]));
  }

  /** The status of a run that ends after this rollback. */
  get status(): string {
    if (this.undone === 0) return 'failed';
    return this.broken ? 'compensation_failed' : 'compensated';
  }

  check(): void {
    const completed = this.completed();
    const unknown = this.unknown(new Set(completed.map((duty) => duty.id)));
    const made = this.made();
    const wanted = new Map([...completed, ...unknown].map((duty) => [duty.id, duty]));
    for (const id of made.keys()) if (!wanted.has(id)) this.found.push(`${id} was undone, and had no need to be`);
    for (const [id, duty] of wanted) {
      const attempts = made.get(id);
      if (attempts !== undefined) this.attempts(id, duty, attempts);
      else this.found.push(`${id} was not undone`);
    }
    const order = [...made.keys()].filter((id) => completed.some((duty) => duty.id === id));
    const expected = completed.map((duty) => duty.id).reverse();
    if (order.join() !== expected.join())
      this.found.push(`undone: ${order.join(', ')}; expected: ${expected.join(', ')}`);
    this.calls([...wanted.values()]);
    this.undone = made.size;
  }

  private completed(): Duty[] {
    const duties: Duty[] = [];
    for (const [record, { undo, left }] of this.inOrder()) {
      if (undo === null || record.status !== 'completed') continue;
      duties.push({ id: idOf(record, undo.name), undo: undo.name, inputs: [left], outcome: 'completed' });
    }
    return duties;
  }

  private inOrder(): [ObservedRecord, ExpectedRecord][] {
    return this.run.records.flatMap((record) => {
      const expected = this.matched.get(record);
      return expected === undefined ? [] : [[record, expected] as [ObservedRecord, ExpectedRecord]];
    });
  }

  /** Steps that began, and did not complete: their intent is all that says so. */
  private unknown(completed: ReadonlySet<string>): Duty[] {
    const nodes = new Map(membersOf(this.plan.nodes).map((node) => [node.name, node]));
    return this.run.intents.flatMap(({ path, visit, round }): Duty[] => {
      const node = nodes.get(nameOf(path));
      if (round !== this.round || (node?.kind !== 'step' && node?.kind !== 'decision')) return [];
      if (node.undo?.when !== 'started') {
        this.found.push(`${path} has an intent, and did not ask for one`);
        return [];
      }
      const id = idOf({ path, visit }, node.undo.name);
      // Its input is that of some attempt there.
      const inputs = [...this.expected].filter((record) => record.path === path).map((record) => record.data);
      return completed.has(id) ? [] : [{ id, undo: node.undo.name, inputs, outcome: 'unknown' }];
    });
  }

  /** The compensations of the round in the order that they began, each with its attempts. */
  private made(): Map<string, ObservedRecord[]> {
    const made = new Map<string, ObservedRecord[]>();
    for (const record of this.run.records) {
      if (record.round !== this.round || !record.isCompensation) continue;
      const id = `${record.path} #${record.visit}`;
      made.set(id, [...(made.get(id) ?? []), record]);
    }
    return made;
  }

  private attempts(id: string, duty: Duty, records: readonly ObservedRecord[]): void {
    const undo = this.undos.get(duty.undo);
    if (undo === undefined) throw new Error(`The plan has no ${duty.undo}`);
    const { act, name } = undo;
    let last = 1;
    while (last < act.maxAttempts && failureOf(name, act, last, this.round) !== null) last++;
    const fails = failureOf(name, act, last, this.round) !== null;
    this.broken ||= fails;
    const expected = Array.from({ length: last }, (_, index) =>
      index + 1 < last || fails ? `${index + 1} failed` : `${index + 1} completed`,
    );
    const actual = records.map(({ attempt, status }) => `${attempt} ${status}`);
    if (actual.join() !== expected.join()) {
      this.found.push(`${id} has the attempts ${actual.join(', ')}; expected ${expected.join(', ')}`);
    }
  }

  /** What the handlers were told. */
  private calls(duties: readonly Duty[]): void {
    for (const { member, round, args } of this.run.calls) {
      if (round !== this.round || !this.undos.has(member)) continue;
      const outcome = (args[1] as { outcome?: unknown } | undefined)?.outcome;
      const fits = duties.some(
        (duty) =>
          duty.undo === member &&
          duty.outcome === outcome &&
          duty.inputs.some((input) => difference(input, args[0]) === null),
      );
      if (!fits) this.found.push(`${member} was called with ${show(args)}, which fits nothing that is to be undone`);
    }
  }
}

interface Duty {
  /** Path of the compensation and visit. */
  readonly id: string;
  readonly undo: string;
  /** The data that its handler gets: one of these. */
  readonly inputs: readonly unknown[];
  readonly outcome: 'completed' | 'unknown';
}

function idOf({ path, visit }: { readonly path: string; readonly visit: number }, undo: string): string {
  return `${path}~${undo} #${visit}`;
}

/** The member's name at a path: the generator's names need no decoding. */
function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
