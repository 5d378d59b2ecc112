import type { ReplicaState } from '../connection/read-replica.js';
import type { Check } from './doctor-check.js';

/** ms: reads of a replica that is later go to the primary. */
const LATE_WARN = 5_000;

export function replicaCheck({ where, away, late, refused }: ReplicaState): Check {
  const id = 'replica';
  if (away !== null) {
    const text = `The read replica at ${where} cannot be used: ${away}. Pages are read from the primary.`;
    return { id, state: 'warn', text, mend: 'Look at that server, or at the option readReplica.' };
  }
  if (refused !== null) {
    const text = `The read replica at ${where} refuses what the primary answers (${refused}): such reads go to the primary.`;
    const mend = 'Grant its user the rights on all tables there, and look whether it has every migration.';
    return { id, state: 'warn', text, mend };
  }
  if (late === null) {
    return { id, state: 'ok', text: `Pages are read from ${where}, which does not say how late it is.` };
  }
  if (late > LATE_WARN) {
    const text = `The read replica at ${where} is late by ${Math.round(late / 1_000)} s: pages are read from the primary.`;
    return {
      id,
      state: 'warn',
      text,
      mend: 'Look there for long queries that hold up the replay, and at its network.',
    };
  }
  const how = late === 0 ? 'has all that is committed' : `is late by ${Math.round(late)} ms`;
  return { id, state: 'ok', text: `Pages are read from ${where}, which ${how}.` };
}
