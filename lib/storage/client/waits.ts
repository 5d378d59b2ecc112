import type { EntityManager } from 'typeorm';
import { MailboxFullError } from '../../core/errors/errors-client.js';
import { MAX_UNTAKEN_EVENTS } from '../../core/limits.js';
import { decode } from '../../core/codec/codec.js';
import { stepNameOf } from '../../core/definition/definition-path.js';
import {
  AmbiguousInputError,
  ExecutionFinishedError,
  ExecutionNotFoundError,
  InputNotPendingError,
} from '../../core/errors/errors.js';
import type { WaitSpec, WaitState } from '../../core/run/wait-spec.js';
import type { EndedTree, ClaimOffer, Wake, WokenRun } from '../../engine/ports/store.js';
import { claimableJson } from '../engine/claimed-row.js';
import { type ReadingRow, readingRows } from '../engine/reading-rows.js';
import { cancelCause, cancelLocked, lockTrees, type TreeChoice } from '../engine/cancel-tree.js';
import { isRejectedByServer } from '../connection/connection-errors.js';
import { checkManager } from '../connection/manager-check.js';
import { changeOnce } from '../connection/once.js';
import { sql } from '../sql.js';
import { laneOf, type Lender, onManager, type Query, queryOf, withReconnect } from '../connection/transaction.js';

export interface WaitsOptions {
  readonly pool: Lender;
  readonly schema: string;
  /** Id of the set of tables: `manager`s of other databases are refused. */
  readonly instanceId: string;
  /** Hint that a caller's transaction sends with pg_notify beside an event; null: the event is found by polling. */
  readonly unmatchedHint: { readonly channel: string; readonly payload: string } | null;
  /** A run that is ready was locked for nothing: a claim may have passed it over meanwhile. */
  readonly onHidden?: (run: WokenRun) => void;
}

/** An event on its way to a run. */
export interface NewEvent {
  readonly runId: string;
  readonly name: string;
  /** Encoded. */
  readonly payload: string;
  /** Delivered once for each; null: each call delivers one. */
  readonly dedupeKey: string | null;
  /** The sender's number for it, a UUID: by it the event is found again when the answer was lost. */
  readonly request: string;
  /** Of the sender. Default: that is not traced. */
  readonly traceparent?: string | null;
}

/** Choice of an input: by the name that the step gave it, or by its own id. */
export type InputSelector = { readonly name: string } | { readonly inputId: string };

/** Effects of `cancelWait()`: the number of waits, and the children that were cancelled with them. */
export interface CancelledWaits extends EndedTree {
  readonly count: number;
}

/**
 * Events, answers and `cancelWait()` of clients. Everything but an event in a caller's transaction locks the run's row
 * first and looks at its waits then, as the commit that registers a wait does: nothing falls between the two.
 */
export class PgWaits {
  private readonly schema: string;
  private readonly lane: Lender;
  private readonly query: Query;

  constructor(private readonly options: WaitsOptions) {
    this.schema = options.schema;
    this.lane = laneOf(options.pool);
    this.query = queryOf(this.lane);
  }

  /**
   * Puts an event into a run's mailbox and gives it to the wait that asks for it, if there is one: then the run goes on,
   * claimed by the worker that offers places or ready for anybody.
   * @throws ExecutionNotFoundError, ExecutionFinishedError, MailboxFullError
   */
  async sendEvent(sent: NewEvent, offer: ClaimOffer | null = null): Promise<Wake> {
    const { runId, name, payload, dedupeKey, traceparent, request } = sent;
    const offered = offer === null ? [] : offerValues(offer);
    const text = sql(offer === null ? 'send-event' : 'send-event-and-claim', this.schema);
    let unsure = false;
    let asked = 0;
    const send = (again: boolean): Promise<SentRow[]> => {
      unsure = again;
      asked = performance.now();
      const values = [runId, name, payload, dedupeKey, traceparent, request, again];
      return this.query<SentRow>(text, [...values, ...offered]).catch((error: unknown) => {
        // What the claim has met is another run's: the event is sent all the same.
        if (offer === null || !isRejectedByServer(error)) throw error;
        return this.query<SentRow>(sql('send-event', this.schema), values);
      });
    };
    const locked = `run ${runId}${dedupeKey === null ? '' : `, or its event "${dedupeKey}",`}`;
    const rows = await withReconnect(send, locked);
    const [row] = rows;
    refuseUnlessActive(runId, row?.outcome);
    const { queue = null, paused = false, state = 'ready' } = row ?? {};
    const claimed = readingRows(
      rows.flatMap((one) => one.claimed ?? []),
      asked,
    );
    const woken = queue === null || claimed[0]?.rowId === runId ? [] : [{ runId, queue, paused, state }];
    return { woken, claimed, unsure };
  }

  /**
   * Puts an event into a run's mailbox in the caller's transaction, without a lock of the run.
   * @throws ExecutionNotFoundError, ExecutionFinishedError, MailboxFullError as far as can be seen now
   * @throws ConfigurationError when the manager is on another database, or in no transaction
   */
  sendEventWithin(manager: EntityManager, event: Omit<NewEvent, 'request'>): Promise<void> {
    return onManager(() => this.sendOn(manager, event));
  }

  private async sendOn(
    manager: EntityManager,
    { runId, name, payload, dedupeKey, traceparent }: Omit<NewEvent, 'request'>,
  ): Promise<void> {
    await checkManager(manager, this.schema, this.options.instanceId);
    const [row] = await manager.query<{ outcome: string }[]>(sql('send-event-within', this.schema), [
      runId,
      name,
      payload,
      dedupeKey,
      traceparent,
    ]);
    refuseUnlessActive(runId, row?.outcome ?? 'unknown');
    const { unmatchedHint } = this.options;
    if (row?.outcome !== 'sent' || unmatchedHint === null) return;
    await manager.query('SELECT pg_notify($1, $2)', [unmatchedHint.channel, unmatchedHint.payload]);
  }

  /**
   * Answers an open input. `toAnswer` gets what the input declares, and gives the encoded answer or throws; then the
   * input stays open.
   * @throws ExecutionNotFoundError, InputNotPendingError, AmbiguousInputError
   */
  async provideInput(
    runId: string,
    selector: InputSelector,
    toAnswer: (input: { id: string; name: string; path: string; spec: WaitSpec }) => string,
  ): Promise<WokenRun[]> {
    let locked: WokenRun | undefined;
    const which = [runId, 'name' in selector ? selector.name : null, 'inputId' in selector ? selector.inputId : null];
    const answered = async (query: Query): Promise<WokenRun[]> => {
      [locked] = await query<WokenRun>(sql('lock-run', this.schema), [runId]);
      const open = await query<OpenInput>(sql('find-open-inputs', this.schema), which);
      const [input, second] = open;
      if (input === undefined) throw await this.notPending(query, runId, which);
      if (second !== undefined) {
        const inputs = open.map(({ id, path }) => ({ id, step: stepNameOf(path) }));
        throw new AmbiguousInputError(runId, input.name, inputs);
      }
      const spec = input.spec === null ? {} : (decode(input.spec) as WaitSpec);
      const answer = toAnswer({ id: input.id, name: input.name, path: input.path, spec });
      return query<WokenRun>(sql('answer-input', this.schema), [runId, input.id, answer]);
    };
    const answering = changeOnce(this.lane, this.schema, answered, `run ${runId}`);
    return answering.catch((error: unknown) => {
      if (locked?.state === 'ready') this.options.onHidden?.(locked);
      throw error;
    });
  }

  /**
   * Cancels the open waits of a run, or those of one name; children that are waited for are cancelled with them.
   * @throws ExecutionNotFoundError
   */
  async cancelWait(runId: string, name: string | null, reason: string | null): Promise<CancelledWaits> {
    const { schema } = this;
    const cause = cancelCause(reason);
    const cancelled = async (query: Query): Promise<CancelledWaits> => {
      const children = async (): Promise<TreeChoice> => {
        const rows = await query<{ id: string }>(sql('open-children', schema), [runId, name]);
        return { roots: rows.map((row) => row.id) };
      };
      const tree = await lockTrees(query, schema, children, [runId]);
      const rows = await query<{ count: number } & WokenRun>(sql('cancel-waits', schema), [runId, name, cause.reason]);
      const [found] = rows;
      if (found === undefined) {
        await this.storedStatus(query, runId);
        return { count: 0, ended: [], undoing: [], woken: [] };
      }
      // After the waits: their end wakes nobody any more.
      const done = await cancelLocked(query, schema, tree, cause, 'end-unless-undone');
      const { count, ...run } = found;
      return { ...done, count, woken: [run, ...done.woken] };
    };
    return changeOnce(this.lane, schema, cancelled, `run ${runId}, or a child that it waits for,`);
  }

  private async notPending(query: Query, runId: string, which: readonly unknown[]): Promise<Error> {
    const [last] = await query<{ name: string; state: WaitState }>(sql('last-input', this.schema), which);
    if (last === undefined) await this.storedStatus(query, runId);
    const asked = which.find((one) => one !== null && one !== runId);
    const state = last === undefined ? null : last.state === 'done' ? 'completed' : last.state;
    return new InputNotPendingError(runId, last?.name ?? String(asked), state);
  }

  /** @throws ExecutionNotFoundError */
  private async storedStatus(query: Query, runId: string): Promise<string> {
    const [row] = await query<{ status: string }>(sql('run-status', this.schema), [runId]);
    if (row === undefined) throw new ExecutionNotFoundError(runId);
    return row.status;
  }
}

interface SentRow {
  readonly outcome: string;
  /** Null: it wakes nobody. */
  readonly queue: string | null;
  readonly paused: boolean;
  readonly state: WokenRun['state'];
  readonly claimed?: ReadingRow | null;
}

interface OpenInput {
  readonly id: string;
  readonly path: string;
  readonly name: string;
  readonly spec: string | null;
}

function offerValues({ worker, places, definitions }: ClaimOffer): unknown[] {
  return [worker, places.map(({ queue }) => queue), claimableJson(definitions)];
}

function refuseUnlessActive(runId: string, outcome: string | undefined): void {
  if (outcome === 'sent' || outcome === 'duplicate') return;
  if (outcome === undefined || outcome === 'unknown') throw new ExecutionNotFoundError(runId);
  if (outcome === 'full') throw new MailboxFullError(runId, MAX_UNTAKEN_EVENTS);
  throw new ExecutionFinishedError(runId, outcome);
}
