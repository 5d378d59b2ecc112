import type { EntityManager } from 'typeorm';
import { decode, encode } from '../core/codec/codec.js';
import { InvalidInputError } from '../core/errors/errors.js';
import { checkAnswer } from '../core/input/input-check.js';
import type { Redaction } from '../core/redact/redact.js';
import { uuidv7 } from '../core/uuid.js';
import type { WaitSpec } from '../core/run/wait-spec.js';
import { type AnsweredInput, tellProvided, tellReceived } from './event-sources.js';
import type { ClientRuntime } from '../lifecycle/host.js';
import { type readCancelWait, readEvent, readInputSelector } from '../options/waits.js';
import type { InputSelector } from '../storage/client/waits.js';
import { currentTransaction } from '../engine/step/scope.js';

/** An event as it was when it was sent. */
interface TakenEvent {
  readonly name: string;
  readonly dedupeKey: string | null;
  readonly manager: EntityManager | null;
  /** Encoded. */
  readonly payload: string;
}

/** The arguments of `sendEvent()`; to be called before anything is waited for. @throws InvalidInputError, SerializationError */
export function takeEvent(name: unknown, payload: unknown, options: unknown, maxBytes: number): TakenEvent {
  return { ...readEvent(name, options), payload: encode(payload, { maxBytes, what: 'payload' }) };
}

/** An answer as it was when it was given. */
interface TakenAnswer {
  readonly selector: InputSelector;
  /** Encoded. */
  readonly data: string;
}

/** The same of `provideInput()`. @throws InvalidInputError, SerializationError */
export function takeAnswer(input: unknown, data: unknown, maxBytes: number): TakenAnswer {
  return { selector: readInputSelector(input), data: encode(data, { maxBytes, what: 'data' }) };
}

/** The client's methods for waits; ids and options come checked. They notify the engine of each run whose wait ended. */
export class WaitsClient {
  constructor(
    private readonly runtime: ClientRuntime,
    /** Redaction of the payloads that are read. */
    private readonly redact: Redaction,
  ) {}

  async sendEvent(runId: string, { name, payload, dedupeKey, manager }: TakenEvent): Promise<void> {
    const traceparent = this.runtime.deps.telemetry?.active() ?? null;
    const sent = { runId, name, payload, dedupeKey, traceparent };
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

  async provideInput(runId: string, { selector, data }: TakenAnswer): Promise<void> {
    let answered: AnsweredInput = { id: '', name: '', path: '' };
    const woken = await this.runtime.storage.waits.provideInput(runId, selector, ({ id, name, path, spec }) => {
      answered = { id, name, path };
      return answerOf(name, spec, data, this.redact);
    });
    tellProvided(this.runtime, runId, answered);
    this.runtime.engine.woken(woken);
  }

  async cancelWait(runId: string, { name, reason }: ReturnType<typeof readCancelWait>): Promise<number> {
    const { count, ...done } = await this.runtime.storage.waits.cancelWait(runId, name, reason);
    await this.runtime.engine.endedTree(done);
    return count;
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
