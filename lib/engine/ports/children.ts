import type { StartOp } from './store.js';

/** The request of a step for a child. */
export interface ChildRequest {
  readonly workflow: unknown;
  readonly input: unknown;
  readonly queue: string | null;
  /** null: the parent's. */
  readonly priority: number | null;
}

/** A child that can be started. */
export interface PreparedChild {
  readonly start: StartOp;
  /** Key by which the same call, or a call with the same ref, finds it. */
  readonly call: string;
  readonly ref: string | null;
  /** Digest of the input. */
  readonly input: string;
}

/** The workflow behind a class or name, and the input in its stored form: known to the client's side, which gives it. */
export interface ChildTarget {
  readonly name: string;
  readonly definitionId: number;
  readonly queue: string;
  readonly timeout: number | null;
  /** Encoded. */
  readonly input: string;
  readonly digest: string;
}

export interface ChildTargets {
  /** The name of a workflow that is given as a class or a name, without asking the database. */
  nameOf(workflow: unknown): string;
  /** @throws WorkflowNotFoundError, InvalidInputError, SerializationError */
  find(workflow: unknown, input: unknown): Promise<ChildTarget>;
}
