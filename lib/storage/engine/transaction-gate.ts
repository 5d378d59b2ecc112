import type { EntityManager } from 'typeorm';

type Send = (...parameters: unknown[]) => Promise<unknown>;

/**
 * The connection of a transaction in which a step's code works. That code may run on after its attempt, and has the manager
 * still: what it sends then would end a transaction that has the step's record by now, or stand in none. So it is refused
 * once the gate is closed, while the engine's own statements pass, and those of TypeORM and the app's subscribers, which
 * end the transaction.
 */
export class TransactionGate {
  private closed = false;
  /** True where the step's code asks, and nobody else. */
  isCode: () => boolean = () => false;

  /** @param onSend gets the text of each statement */
  constructor(
    private readonly manager: EntityManager,
    onSend: (text: string) => void,
  ) {
    const { queryRunner } = manager;
    if (queryRunner === undefined) return;
    const query = queryRunner.query.bind(queryRunner) as Send;
    const stream = queryRunner.stream.bind(queryRunner) as Send;
    // A runner is made for each transaction: nobody has this one next.
    Object.assign(queryRunner, { query: this.past(query, onSend), stream: this.past(stream, onSend) });
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    const { queryRunner } = this.manager;
    if (queryRunner === undefined) return;
    // TypeORM ends what was begun last: a savepoint of the code's that is open still, or comes to be counted now, in place of the whole.
    Object.defineProperty(queryRunner, 'transactionDepth', { get: () => 1, set: () => {} });
  }

  private past(send: Send, onSend: (text: string) => void): Send {
    return async (...parameters) => {
      if (this.closed && this.isCode()) throw new Error('The transaction of this step is over');
      onSend(String(parameters[0]));
      return send(...parameters);
    };
  }
}
