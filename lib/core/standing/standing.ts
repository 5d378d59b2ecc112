import { standsAtWork } from './at-work.js';
import { standsEnded } from './ended.js';
import type { StandingFacts, WaitFacts } from './facts.js';
import type { Standing, StandingWait } from './said.js';
import { isFinished } from '../run/status.js';

export type { BlockedBy, Standing, StandingKind, StandingWait } from './said.js';

/** The sentence for what is known of a run. */
export function standingOf(facts: StandingFacts): Standing {
  const said = isFinished(facts.status) ? standsEnded(facts, facts.status) : standsAtWork(facts);
  const { kind, title, detail, step, until = null, nextAttemptAt = null, blockedBy = null } = said;
  return {
    kind,
    title,
    detail: detail.filter((one) => one !== null && one !== '').join(' '),
    until,
    ...(step === undefined ? {} : { step }),
    waits: isFinished(facts.status) ? [] : facts.waits.map(waitOf),
    nextAttemptAt,
    blockedBy,
  };
}

function waitOf({ step, path, kind, names, dueAt, childId }: WaitFacts): StandingWait {
  return { step, path, kind, names, until: dueAt, childId };
}
