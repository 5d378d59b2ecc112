import type { DurableClient } from '../../client/durable.client.js';
import type { BulkAct } from '../../client/bulk.js';
import type { Clients } from '../database/client.js';
import type { Execution } from '../../core/run/execution.js';
import type { ExecutionStatus } from '../../core/run/status.js';

/** What one act came to. */
export interface Done {
  /** False: there was nothing to do. */
  readonly changed: boolean;
  /** Whether it is what it was to become all the same, made so by another way, or is gone: of many that is no refusal. */
  readonly already?: boolean;
  /** Of what was left alone: the code of its refusal. Default: by its status. */
  readonly code?: string;
  /** Of what was left alone: the status that it has. */
  readonly status?: ExecutionStatus;
  /** The end of a sentence that begins with "Run ID": "is cancelled". */
  readonly what: string;
  /** The run that was started by it. */
  readonly made?: string;
  /** Of the document, beside the id. */
  readonly result?: object;
}

/** An act on runs, given by ids or by filters. */
export interface RunAct {
  readonly verb: BulkAct;
  /** In audit rows: `run.cancel`, and what else is said there. */
  readonly action: string;
  readonly details?: Readonly<Record<string, unknown>>;
  /** Of many: `Cancelled`. */
  readonly past: string;
  /** Whether nothing to do is a refusal: the run is not what it was asked to become. */
  readonly mustChange: boolean;
  /** Whether it is what it was to become: nothing to change, and nothing to refuse. */
  readonly satisfied: (run: Execution) => boolean;
  readonly one: (client: DurableClient, id: string) => Promise<Done>;
  /** The same of one of many that fit. Default: as `one`. */
  readonly oneOfMany?: (bulk: Clients['bulk'], id: string) => Promise<Done>;
}
