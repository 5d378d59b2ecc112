import type { EntityManager } from 'typeorm';
import { decode, encode } from '../core/codec/codec.js';
import { InvalidInputError } from '../core/errors/errors.js';
import { checkAnswer } from '../core/input/input-check.js';
import type { PendingEvent, PendingInput } from '../core/input/pending.js';
import type { Redaction } from '../core/redact/redact.js';
import { uuidv7 } from '../core/uuid.js';
import type { WaitSpec } from '../core/run/wait-spec.js';
import { tellProvided, tellReceived } from './event-sources.js';
import type { ClientRuntime } from '../lifecycle/host.js';
import {
  readCancelWait,
  readEvent,
  readInputSelector,
  readPendingEvents,
  readPendingInputs,
} from '../options/waits.js';
import { currentTransaction } from '../engine/step/scope.js';
import { PgWaitReads } from '../storage/reads/wait-reads.js';
import { readsOf } from '../storage/connection/transaction.js';
import { PgWaits } from '../storage/client/waits.js';

/** The client's methods for waits; ids come checked. They notify the engine of each run whose wait ended. */
export class WaitsClient {
  private readonly waits: PgWaits;
  private readonly reads: PgWaitReads;

  constructor(
    private readonly runtime: ClientRuntime,
    private readonly maxBytes: number,
    /** Redaction of the payloads that are read. */
    private readonly redact: Redaction,
  ) {
    const { pool, schema, instanceId, unmatchedHint, engine } = runtime;
    this.waits = new PgWaits({ pool, schema, instanceId, unmatchedHint, onHidden: (run) => engine.woken([run]) });
    this.reads = new PgWaitReads({ query: readsOf(pool), schema, redact });
  }

  async sendEvent(runId: string, event: unknown, payload: unknown, options: unknown): Promise<void> {
    const { name, dedupeKey, manager } = readEvent(event, options);
    const encoded = encode(payload, { maxBytes: this.maxBytes, what: 'payload' });
    const traceparent = this.runtime.deps.telemetry?.active() ?? null;
    const sent = { runId, name, payload: encoded, dedupeKey, traceparent };
    const within = manager ?? this.joined();
    if (within !== null) return this.waits.sendEventWithin(within, sent);
    const request = uuidv7();
    await this.runtime.engine.wake(async (offer) => {
      const wake = await this.waits.sendEvent({ request, ...sent }, offer);
      tellReceived(this.runtime, runId, name, dedupeKey ?? request);
      return wake;
    });
  }

  /** A transactional step sends its events in its transaction, if that is on this instance's database. */
  private joined(): EntityManager | null {
    const manager = currentTransaction() as EntityManager | null;
    return manager !== null && manager.connection === this.runtime.appDataSource ? manager : null;
  }

  async provideInput(runId: string, input: unknown, data: unknown): Promise<void> {
    const selector = readInputSelector(input);
    const text = encode(data, { maxBytes: this.maxBytes, what: 'data' });
    let answered = { id: '', name: '' };
    const woken = await this.waits.provideInput(runId, selector, ({ id, name, spec }) => {
      answered = { id, name };
      return answerOf(name, spec, text, this.redact);
    });
    tellProvided(this.runtime, runId, answered.id, answered.name);
    this.runtime.engine.woken(woken);
  }

  async cancelWait(runId: string, options: unknown): Promise<number> {
    const { name, reason } = readCancelWait(options);
    const { count, ...done } = await this.waits.cancelWait(runId, name, reason);
    await this.runtime.engine.endedTree(done);
    return count;
  }

  pendingInputs(filters: unknown, workflowName: (workflow: unknown) => string): Promise<PendingInput[]> {
    return this.reads.pendingInputs(readPendingInputs(filters, workflowName));
  }

  pendingEvents(filters: unknown): Promise<PendingEvent[]> {
    return this.reads.pendingEvents(readPendingEvents(filters));
  }

  childCounts(ids: readonly string[]): Promise<Map<string, number>> {
    return this.reads.childCounts(ids);
  }
}

/** The stored form of an answer. What is checked is what the step will see: the data as it comes back. */
function answerOf(name: string, { type = null, fields, choices }: WaitSpec, text: string, redact: Redaction): string {
  const data = decode(text);
  const declaration = { type, ...(fields && { fields }), ...(choices && { choices }) };
  const checked = checkAnswer(declaration, data, redact.payload(data));
  if (!checked.ok) throw new InvalidInputError(`What was provided for input "${name}"`, checked.violations);
  return checked.value === data ? text : encode(checked.value);
}
