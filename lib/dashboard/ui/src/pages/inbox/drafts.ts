import type { Values } from '../../parts/fields.js';

interface Draft {
  readonly values: Values;
  readonly faults: Record<string, string>;
}

/** What was typed before it was sent: an answer that was refused or taken back is not typed twice. */
const drafts = new Map<string, Draft>();

export const recall = (id: string): Draft | undefined => drafts.get(id);

export function remember(id: string, draft: Draft): void {
  drafts.set(id, draft);
}
