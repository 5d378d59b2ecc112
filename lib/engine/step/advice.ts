import { isDeepStrictEqual } from 'node:util';
import { decode, encode } from '../../core/codec/codec.js';

/** Of which steps, as their members are named in messages. */
export interface AdvisedStep {
  readonly workflow: string;
  readonly step: string;
}

/** Characters of data in stored form up to which a step that returns nothing is looked at each time, */
const SMALL = 10_000;
/** and how often where it is larger. */
const LOOKS = 20;

/** Warnings of silent losses, once for each step in the life of the instance, each with its mend. */
export class Advice {
  private readonly told = new Set<string>();
  private readonly looks = new Map<string, number>();

  constructor(private readonly tell: (message: string) => void) {}

  /**
   * A step has returned nothing: is what it was called with still what it was?
   * @param before in stored form
   */
  returnedNothing({ workflow, step }: AdvisedStep, got: unknown, before: string): void {
    const key = `changed\n${workflow}\n${step}`;
    if (typeof got !== 'object' || got === null || this.told.has(key)) return;
    if (before.length > SMALL) {
      const looks = (this.looks.get(key) ?? 0) + 1;
      if (looks > LOOKS) return;
      this.looks.set(key, looks);
    }
    if (!hasChanged(got, before)) return;
    this.told.add(key);
    this.tell(
      `Step "${step}" of workflow "${workflow}" changed its input in place and returned nothing: the change is lost, the ` +
        'next step gets the data as it was. Return the changed data, or write it with putContext().',
    );
  }

  /** A step has come to its end, and nobody has looked at the promises of these waits. */
  notAwaited({ workflow, step }: AdvisedStep, calls: readonly string[]): void {
    const key = `not awaited\n${workflow}\n${step}`;
    if (this.told.has(key)) return;
    this.told.add(key);
    const child = calls.some((call) => call.startsWith('callWorkflow'));
    this.tell(
      `Step "${step}" of workflow "${workflow}" ended with ${calls.join(', ')} asked for and not awaited: nothing was ` +
        `waited for. Await it, or several with Promise.all().${child ? ' startWorkflow() starts a child without waiting.' : ''}`,
    );
  }
}

function hasChanged(got: object, before: string): boolean {
  try {
    const now = encode(got);
    return now !== before && !isDeepStrictEqual(decode(now), decode(before));
  } catch {
    // Something was put in that cannot be stored.
    return true;
  }
}
