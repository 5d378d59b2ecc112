import type { DashboardTarget } from '../dashboard.options.js';
import type { AuditEntry } from '../durable.js';

/** What an act was done to. */
export interface AuditTarget {
  readonly targetKind: AuditEntry['targetKind'];
  readonly targetId: string | null;
}

export type WriteAudit = (entry: AuditEntry) => Promise<void>;

/** Refused acts that are written down in a minute; whoever hammers at the door does not fill the table. */
const MOST_REFUSED = 60;
const MINUTE = 60_000;

/** Writes the rows of acts, and no more of those that were refused than a table can bear. */
export class AuditTrail {
  private refused: number[] = [];

  constructor(
    private readonly write: WriteAudit,
    private readonly warn: (message: string) => void,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** @returns whether it is written, or need not be */
  async add(entry: AuditEntry): Promise<boolean> {
    if (entry.outcome === 'refused' && !this.mayTell()) return true;
    try {
      await this.write(entry);
      return true;
    } catch (error) {
      this.warn(
        `No audit row could be written for ${entry.action} of ${entry.targetId ?? 'nothing'}: ${String(error)}`,
      );
      return false;
    }
  }

  private mayTell(): boolean {
    const now = this.now();
    this.refused = this.refused.filter((at) => now - at < MINUTE);
    if (this.refused.length >= MOST_REFUSED) return false;
    this.refused.push(now);
    return true;
  }
}

/** What an act was done to, of what is known the most particular. */
export function auditTarget(target: DashboardTarget): AuditTarget {
  const kinds = [
    ['run', target.runId],
    ['schedule', target.schedule],
    ['queue', target.queue],
    ['workflow', target.workflow],
  ] as const;
  const found = kinds.find(([, id]) => id !== undefined);
  return { targetKind: found?.[0] ?? null, targetId: found?.[1] ?? null };
}
