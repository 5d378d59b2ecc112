import type { DurableClient } from '../../client/durable.client.js';
import type { ExecutionStatus } from '../../core/run/status.js';

/** What one act came to. */
export interface Done {
  /** False: there was nothing to do. */
  readonly changed: boolean;
  /** The end of a sentence that begins with "Run ID": "is cancelled". */
  readonly what: string;
  /** The run that was started by it. */
  readonly made?: string;
  /** Of the document, beside the id. */
  readonly result?: object;
}

/** An act on runs, given by ids or by filters. */
export interface RunAct {
  /** `cancel` */
  readonly verb: string;
  /** In audit rows: `run.cancel`, and what else is said there. */
  readonly action: string;
  readonly details?: Readonly<Record<string, unknown>>;
  /** Of many: `Cancelled`. */
  readonly past: string;
  /** Which runs it is for where filters name no status. */
  readonly statuses: readonly ExecutionStatus[];
  /** Whether nothing to do is a refusal: the run is not what it was asked to become. */
  readonly mustChange: boolean;
  readonly one: (client: DurableClient, id: string) => Promise<Done>;
}
