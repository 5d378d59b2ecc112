import { stepNameOf } from '../../core/definition/definition-path.js';
import { AttemptClosedError } from '../../core/errors/errors.js';
import { pathOfOnce } from '../../core/run/once-path.js';
import { textOf } from '../../core/text-of.js';
import { NOTHING } from '../journal/draft.js';
import type { BadPart, Sent } from './outbox.js';
import { pauseAsItIs, refusalOf } from './pause-as-it-is.js';
import { isPassing } from '../journal/retry-until-answered.js';
import type { SessionCore } from './session-core.js';

/**
 * A fault that is none of its steps' failures: the database refuses what one of them has left, or the engine itself has
 * failed. Nothing further begins; running attempts finish and are recorded; the run is paused as it was, for a person to
 * look at.
 */
export class RunFault {
  private error: unknown = null;
  private bad: readonly BadPart[] = NOTHING;

  constructor(
    private readonly core: SessionCore,
    private readonly host: {
      committed(sent: Sent): void;
      /** Part of the commit is not in the journal. */
      spoiled(): void;
      broken(error: unknown): void;
    },
  ) {}

  get isSet(): boolean {
    return this.error !== null;
  }

  set(error: unknown): void {
    this.error ??= error ?? new Error('The engine has failed');
  }

  /** After a refused commit: commits what is good of it. Where that is all, it is as if it had been taken. */
  salvage(): void {
    const { core, host } = this;
    if (core.over) return;
    core.outbox
      .salvage()
      .then((sent) => {
        const [first] = sent.bad;
        if (core.over || first === undefined || !sent.ack.taken) return host.committed(sent);
        core.confirm(sent.records);
        for (const part of sent.bad) this.spoil(part);
        this.bad = [...this.bad, ...sent.bad];
        this.set(refusalOf(pathOf(first), first.error));
        host.spoiled();
      })
      .catch((error: unknown) => host.broken(error));
  }

  /**
   * Pauses the run as it was. Where the database refuses that too, for a passing reason, the fault may be the database's: what was
   * refused is tried again with it, and the run goes on when that is taken.
   */
  async pause(): Promise<void> {
    const { core } = this;
    for (let error: unknown = this.error, { bad } = this; ;) {
      const place = bad.find((one) => isPassing(one.error))?.part.records[0];
      const path = pathOfOnce(place?.path ?? '');
      const notes = place === undefined ? [] : [core.make.note({ ...place, path }, textOf(error))];
      if (await pauseAsItIs(core.deps, core.row, error, () => true, notes)) return;
      const saved = await core.outbox.save(bad.map(({ part }) => part));
      if (!saved.ack.taken) return;
      ({ bad } = saved);
      if (bad.length === 0) error = null;
    }
  }

  /** A part of what an attempt has left while it runs was refused: what comes after it would build on it. */
  private spoil(part: BadPart): void {
    const path = pathOf(part);
    this.core.attempts.get(path)?.giveUp(new AttemptClosedError(stepNameOf(path)));
    this.core.attempts.delete(path);
  }
}

function pathOf({ part }: BadPart): string {
  return pathOfOnce(part.records[0]?.path ?? part.waits[0]?.path ?? '');
}
