import pg from 'pg';
import type { Socket } from 'node:net';
import { type ConnectionLostError, isReadOnly, needsFreshSession, TakesNoWritesError } from './connection-errors.js';
import { describeTarget, type DatabaseTarget } from './database-target.js';
import { beginStatement, OPEN_SESSION, type SessionSpec, sessionSettings } from './session-settings.js';
import { OWN_TYPES } from './type-parsers.js';

/** ms that a session may take to open, its settings included. pg's own default is to wait for ever. */
const OPEN_TIMEOUT = 5_000;
const KEEP_ALIVE_DELAY = 10_000;
/** ms that an answer may be late after the server's own limit for the statement: then the network is silent. */
const ANSWER_GRACE = 1_000;

/** Fields of pg.Client that its types lack. */
interface Internals {
  readonly connection: { on(event: 'errorMessage', listener: (error: Error) => void): void; readonly stream: Socket };
  readonly connectionParameters: Record<string, unknown>;
  binary: boolean;
  processID?: number | null;
}

/**
 * A session of the engine, the only kind there is: every client of pg that the engine opens, in pools too, is one.
 *
 * - It has the engine's own parsers, and where the connection is direct the engine's settings, before anybody gets it.
 * - It is refused where the server cannot be written to: a standby that a stale name or proxy leads to after a failover
 *   would give old answers for ever. Only sessions of the option `readReplica` take one.
 * - It ends by itself once the server has become read-only, or what it has prepared is not there any more, so that it
 *   never goes back to a pool.
 */
export class Session extends pg.Client {
  /** Begins a transaction as the engine needs it. */
  readonly begin: string;
  /** Called when a statement was refused since the server takes no writes any more. */
  onReadOnly: () => void = ignore;

  constructor(
    readonly target: DatabaseTarget,
    readonly spec: SessionSpec,
  ) {
    super(clientConfig(target, spec));
    this.begin = beginStatement(spec);
    const inner = this.internals;
    // Defaults that the app has given to all of pg.
    for (const name of PG_DEFAULTS) inner.connectionParameters[name] = undefined;
    inner.binary = false;
    inner.connection.on('errorMessage', (answer) => this.endIfUnfit(answer));
    this.on('error', ignore);
    if (target.onStatement !== undefined) this.tell(target.onStatement);
  }

  /** The server's process id as its greeting told; null: it did not tell. Behind a pooler it is of the pooler's making. */
  get processId(): number | null {
    return this.internals.processID ?? null;
  }

  /** ms after which an answer will not come any more. */
  get patience(): number {
    return answerTimeout(this.spec);
  }

  override connect(): Promise<pg.Client>;
  override connect(callback: (error: Error) => void): void;
  override connect(callback?: (error: Error) => void): Promise<pg.Client> | void {
    if (callback === undefined) return this.open();
    void this.openFor(callback as (error?: Error) => void);
  }

  /** Ends it without a goodbye, which a silent network would not answer. @param reason what its statements reject with */
  destroy(reason?: ConnectionLostError): void {
    this.internals.connection.stream.destroy(reason);
  }

  private async open(): Promise<pg.Client> {
    const { stream } = this.internals.connection;
    const late = (): unknown => stream.destroy(new Error('timeout expired'));
    const timer = setTimeout(late, this.target.openTimeout ?? OPEN_TIMEOUT);
    try {
      await super.connect();
      await this.prepare();
      this.target.onOpened?.(null);
      return this;
    } catch (error) {
      this.destroy();
      this.target.onOpened?.(error);
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  private async openFor(callback: (error?: Error) => void): Promise<void> {
    let failure: Error | undefined;
    try {
      await this.open();
    } catch (error) {
      failure = error as Error;
    }
    callback(failure);
  }

  /** Before whoever asked gets the answer: what is ending does not go back to a pool. */
  private endIfUnfit(answer: Error): void {
    if (!needsFreshSession(answer)) return;
    this.end().catch(ignore);
    if (isReadOnly(answer)) this.onReadOnly();
  }

  private async prepare(): Promise<void> {
    const settings = this.spec.direct ? sessionSettings(this.spec) : [];
    const { rows } = await this.query<{ standby: boolean; readOnly: boolean }>(OPEN_SESSION, [
      settings.map(([name]) => name),
      settings.map(([, value]) => value),
    ]);
    if (this.spec.reads === true || (rows[0]?.standby !== true && rows[0]?.readOnly !== true)) return;
    throw new TakesNoWritesError(describeTarget(this.target), rows[0].standby);
  }

  /** Parameters are payloads, and stay out of the log. */
  private tell(onStatement: (text: string) => void): void {
    const send = this.query.bind(this) as (...parameters: unknown[]) => unknown;
    const logged = (...parameters: unknown[]): unknown => {
      const text = textOf(parameters[0]);
      if (text !== null) onStatement(text);
      return send(...parameters);
    };
    this.query = logged as typeof this.query;
  }

  private get internals(): Internals {
    return this as unknown as Internals;
  }
}

const PG_DEFAULTS = ['statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout', 'replication'];

/** ms that whoever waits for an answer gives it. */
export function answerTimeout({ limits }: SessionSpec): number {
  return limits.statement + ANSWER_GRACE;
}

/** Nothing of it but where to and as whom is the target's: `resolveTarget` has left out the rest. */
function clientConfig({ config }: DatabaseTarget, spec: SessionSpec): pg.ClientConfig {
  return {
    ...config,
    application_name: spec.name,
    query_timeout: answerTimeout(spec),
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_DELAY,
    types: OWN_TYPES,
  };
}

function textOf(statement: unknown): string | null {
  if (typeof statement === 'string') return statement;
  const { text } = (statement ?? {}) as { text?: unknown };
  return typeof text === 'string' ? text : null;
}

function ignore(): void {}
