import { channel } from 'node:diagnostics_channel';

interface PhaseRow {
  /** One sentence for people. */
  readonly meaning: string;
  /** Label of the arrows that lead there. */
  readonly when: string;
  /** Phases that can follow. */
  readonly next: readonly string[];
}

/**
 * The one table of what a run's session does, in the order in which they count: where several are true of a session, it
 * is in the first. What it does in each stands in `RunSession`.
 */
export const PHASES = {
  over: {
    meaning: 'has left, or lost its lease: nothing it does counts any more',
    when: 'lease lost, or left',
    next: [],
  },
  leaving: {
    meaning: 'the commit under way ends or parks the run: nothing begins',
    when: 'end or suspension sent',
    next: ['over', 'salvaging', 'cancelling', 'draining', 'undoing', 'stopping', 'failing', 'working'],
  },
  salvaging: {
    meaning: 'a commit was refused, and what is good of it is being committed: nothing begins',
    when: 'commit refused',
    next: ['over', 'leaving', 'cancelling', 'draining', 'undoing', 'stopping', 'failing', 'working'],
  },
  cancelling: {
    meaning: 'a cancel was asked for, and its error is not known yet: nothing begins',
    when: 'commit says that a cancel was asked for',
    next: ['over', 'salvaging', 'stopping', 'failing'],
  },
  draining: {
    meaning: 'cannot go on for no fault of its steps: what runs finishes, then the run is paused as it was',
    when: 'salvaged as far as it goes',
    next: ['over', 'salvaging'],
  },
  undoing: {
    meaning: 'undoes what its steps did',
    when: 'nothing runs any more',
    next: ['over', 'leaving', 'salvaging', 'draining'],
  },
  stopping: {
    meaning:
      'paused or handed back: what runs finishes and is recorded, nothing begins, unless it is resumed meanwhile',
    when: 'pause or hand-back',
    next: ['over', 'leaving', 'salvaging', 'cancelling', 'draining', 'undoing', 'failing', 'working'],
  },
  failing: {
    meaning: 'has failed: what runs settles, then the run ends, begins a further round, or is undone',
    when: 'an attempt, a timeout or a cancel ends it',
    next: ['over', 'leaving', 'salvaging', 'cancelling', 'draining', 'undoing', 'stopping'],
  },
  working: {
    meaning: 'begins whatever can begin',
    when: 'there is more to do',
    next: ['over', 'leaving', 'salvaging', 'cancelling', 'draining', 'undoing', 'stopping', 'failing'],
  },
} as const satisfies Record<string, PhaseRow>;

export type Phase = keyof typeof PHASES;

export const ALL_PHASES = Object.keys(PHASES) as Phase[];

/** Tells who listens (nobody, but for tests) that a session went from one phase to another. */
export const phaseChanges = channel('nest-durable:run-phase');

/** True when the table has that arrow. */
export function mayFollow(from: Phase, to: Phase): boolean {
  return from === to || (PHASES[from].next as readonly string[]).includes(to);
}

export function tellPhase(runId: string, from: Phase | null, to: Phase): Phase {
  if (phaseChanges.hasSubscribers && to !== from) {
    phaseChanges.publish({ runId, from, to, isMeant: from === null || mayFollow(from, to) });
  }
  return to;
}

/** The diagram of lib/README.md, as Mermaid text. */
export function phaseDiagram(): string {
  const lines = [
    'stateDiagram-v2',
    '  [*] --> working',
    '  [*] --> undoing',
    '  [*] --> failing',
    '  [*] --> stopping',
  ];
  for (const phase of ALL_PHASES) {
    for (const next of PHASES[phase].next) lines.push(`  ${phase} --> ${next}: ${PHASES[next].when}`);
  }
  return [...lines, '  over --> [*]'].join('\n');
}
