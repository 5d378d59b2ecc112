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

/** The client's methods for waits; ids come checked. They notify the engine of each run whose wait ended. */
export class WaitsClient {
  constructor(
    private readonly runtime: ClientRuntime,
    private readonly maxBytes: number,
    /** Redaction of the payloads that are read. */
    private readonly redact: Redaction,
  ) {}

  async sendEvent(runId: string, event: unknown, payload: unknown, options: unknown): Promise<void> {
    const { name, dedupeKey, manager } = readEvent(event, options);
    const encoded = encode(payload, { maxBytes: this.maxBytes, what: 'payload' });
    const traceparent = this.runtime.deps.telemetry?.active() ?? null;
    const sent = { runId, name, payload: encoded, dedupeKey, traceparent };
    const within = manager ?? this.joined();
    if (within !== null) return this.runtime.storage.waits.sendEventWithin(within, sent);
    const request = uuidv7();
    await this.runtime.engine.wake(async (offer) => {
      const wake = await this.runtime.storage.waits.sendEvent({ request, ...sent }, offer);
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
    const woken = await this.runtime.storage.waits.provideInput(runId, selector, ({ id, name, spec }) => {
      answered = { id, name };
      return answerOf(name, spec, text, this.redact);
    });
    tellProvided(this.runtime, runId, answered.id, answered.name);
    this.runtime.engine.woken(woken);
  }

  async cancelWait(runId: string, options: unknown): Promise<number> {
    const { name, reason } = readCancelWait(options);
    const { count, ...done } = await this.runtime.storage.waits.cancelWait(runId, name, reason);
    await this.runtime.engine.endedTree(done);
    return count;
  }

  pendingInputs(filters: unknown, workflowName: (workflow: unknown) => string): Promise<PendingInput[]> {
    return this.runtime.storage.waitReads.pendingInputs(readPendingInputs(filters, workflowName));
  }

  pendingEvents(filters: unknown): Promise<PendingEvent[]> {
    return this.runtime.storage.waitReads.pendingEvents(readPendingEvents(filters));
  }

  childCounts(ids: readonly string[]): Promise<Map<string, number>> {
    return this.runtime.storage.waitReads.childCounts(ids);
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
