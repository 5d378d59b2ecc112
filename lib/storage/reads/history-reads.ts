import { decode } from '../../core/codec/codec.js';
import { stepNameOf } from '../../core/definition/definition-path.js';
import type { StoredError } from '../../core/errors/stored-error.js';
import type { Redaction } from '../../core/redact/redact.js';
import type { FinishedStatus } from '../../core/run/status.js';
import { sql } from '../sql.js';
import type { Query } from '../connection/transaction.js';

/** `audit`: an act of a person. The others: what the engine did, or was told of. */
export type HistoryKind =
  | 'started'
  | 'waiting'
  | 'event'
  | 'answer'
  | 'resumed'
  | 'paused'
  | 'retry'
  | 'round'
  | 'compensating'
  | FinishedStatus
  | 'audit';

export interface HistoryItem {
  readonly at: Date;
  readonly kind: HistoryKind;
  /** Name and path of the step that it is about; null: of none. */
  readonly step: string | null;
  readonly path: string | null;
  readonly error: StoredError | null;
  /** Its place in the history. */
  readonly mark: HistoryMark;
  /** What else there is to say, by kind: see run-history.sql. */
  readonly facts: Readonly<Record<string, unknown>>;
}

/** Microseconds, and what orders what happened in one of them. */
export interface HistoryMark {
  readonly micros: string;
  readonly key: string;
}

export interface HistoryPage {
  /** What came after that, or before it, the last first; null: from the first. */
  readonly from: (HistoryMark & { readonly way: 'next' | 'prev' }) | null;
  readonly limit: number;
}

interface Row extends HistoryMark {
  readonly at: Date;
  readonly kind: HistoryKind;
  readonly path: string | null;
  readonly error: string | null;
  readonly facts: Readonly<Record<string, unknown>>;
}

/** Before anything that can have happened. */
const BEGINNING = '-9000000000000000000';

/** What has happened to a run, and who did it. */
export class PgHistoryReads {
  constructor(
    private readonly options: { readonly query: Query; readonly schema: string; readonly redact: Redaction },
  ) {}

  /** A page, the oldest first; empty, too, where there is no such run. */
  async page(id: string, { from, limit }: HistoryPage): Promise<HistoryItem[]> {
    const back = from?.way === 'prev';
    const { micros, key } = from ?? { micros: BEGINNING, key: '' };
    const bounds = back ? [null, null, micros, key] : [micros, key, null, null];
    const text = sql('run-history', this.options.schema);
    const rows = await this.options.query<Row>(text, [id, ...bounds, limit]);
    return rows.map((row) => this.itemOf(row));
  }

  private itemOf({ at, kind, path, error, facts, micros, key }: Row): HistoryItem {
    const { wait } = facts;
    const to = kind === 'event' && typeof wait === 'string' ? { step: stepNameOf(wait), path: wait } : wait;
    return {
      at,
      kind,
      step: path === null ? null : stepNameOf(path),
      path,
      error: error === null ? null : this.options.redact.error(decode(error) as StoredError),
      mark: { micros, key },
      facts: datesIn(wait === undefined ? facts : { ...facts, wait: to }),
    };
  }
}

const DATES = ['scheduledAt', 'retryAt'] as const;

/** What is a time in JSON that the server has made, as a time. */
function datesIn(facts: Row['facts']): Row['facts'] {
  const found: Record<string, unknown> = { ...facts };
  for (const key of DATES) if (key in facts) found[key] = dateOf(facts[key]);
  const { waits } = facts;
  if (Array.isArray(waits))
    found['waits'] = waits.map((one: { until: unknown }) => ({ ...one, until: dateOf(one.until) }));
  return found;
}

/** A sleep may last for ever. */
function dateOf(text: unknown): Date | null {
  const date = typeof text === 'string' ? new Date(text) : null;
  return date === null || Number.isNaN(date.getTime()) ? null : date;
}
