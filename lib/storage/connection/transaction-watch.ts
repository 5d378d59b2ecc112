import type { EventEmitter } from 'node:events';
import type { EntityManager } from 'typeorm';
import { read } from '../../core/text-of.js';

/** Watch over a transaction that user code works in: it may end the transaction that was begun for it. */
export interface TransactionWatch {
  /** True: that code has committed it or rolled it back; later statements are in none, or in another. */
  readonly hasEnded: boolean;
  /** Tells it the text of a statement that is being sent. */
  sent(text: string): void;
  /** Ends the session, so that the pool drops it. */
  endSession(): void;
  stop(): void;
}

const COMMENT = /--[^\n]*|\/\*[^]*?\*\//g;
/** The server calls it ROLLBACK, as it calls a ROLLBACK TO SAVEPOINT, and the session is in a transaction before and after. */
const CHAINED = /(^|;)\s*(ROLLBACK|ABORT)(\s+(WORK|TRANSACTION))?\s+AND\s+CHAIN\b/i;

/**
 * Listens to what the server says on the connection of a transaction, which costs no query: a COMMIT that was executed, or
 * that the session is in no transaction any more. A ROLLBACK TO SAVEPOINT is neither, though the server calls it ROLLBACK
 * too; a ROLLBACK AND CHAIN is known by the text that was sent. Where the driver does not let its connection be listened
 * to, nothing is noticed.
 */
export async function watchTransaction(manager: EntityManager): Promise<TransactionWatch> {
  const client: unknown = await manager.queryRunner?.connect();
  const connection = read(client, 'connection');
  const endSession = (): void => endOf(client);
  if (!isEmitter(connection)) return { hasEnded: false, sent: () => {}, endSession, stop: () => {} };
  let hasEnded = false;
  let chains = false;
  /** In the message whose statements are being answered. */
  let rolledBack = false;
  const onCommand = (message: unknown): void => {
    const tag = read(message, 'text');
    hasEnded ||= tag === 'COMMIT' || tag === 'PREPARE TRANSACTION';
    // In one message with a ROLLBACK before it; alone it has no effect within a transaction.
    hasEnded ||= rolledBack && (tag === 'BEGIN' || tag === 'START TRANSACTION');
    rolledBack ||= tag === 'ROLLBACK';
    hasEnded ||= rolledBack && chains;
  };
  const onReady = (message: unknown): void => {
    hasEnded ||= read(message, 'status') === IDLE;
    rolledBack = false;
  };
  connection.on('commandComplete', onCommand);
  connection.on('readyForQuery', onReady);
  return {
    get hasEnded() {
      return hasEnded;
    },
    sent(text) {
      // Also as it stands: what looks like a comment may be in a string.
      chains ||= CHAINED.test(text) || CHAINED.test(text.replace(COMMENT, ' '));
    },
    endSession,
    stop() {
      connection.off('commandComplete', onCommand);
      connection.off('readyForQuery', onReady);
    },
  };
}

/** Of ReadyForQuery: no transaction is open. */
const IDLE = 'I';

/** By its looks: the app's pg is not always ours. */
function endOf(client: unknown): void {
  const end = read(client, 'end');
  if (typeof end !== 'function') return;
  Promise.resolve(end.call(client)).catch(() => {});
}

function isEmitter(value: unknown): value is EventEmitter {
  return typeof read(value, 'on') === 'function' && typeof read(value, 'off') === 'function';
}
