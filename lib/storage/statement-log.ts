import pg from 'pg';
import type { DatabaseTarget } from './database-target.js';

/** The class of clients for a target: pg's own, or one that tells the target's `onStatement` of each statement. */
export function clientClass({ onStatement }: DatabaseTarget): typeof pg.Client {
  return onStatement === undefined ? pg.Client : loggedClient(onStatement);
}

function loggedClient(onStatement: (text: string) => void): typeof pg.Client {
  return class extends pg.Client {
    constructor(config?: string | pg.ClientConfig) {
      super(config);
      const send = this.query.bind(this) as (...parameters: unknown[]) => unknown;
      const logged = (...parameters: unknown[]): unknown => {
        const text = textOf(parameters[0]);
        // Parameters are payloads, and stay out of the log.
        if (text !== null) onStatement(text);
        return send(...parameters);
      };
      this.query = logged as typeof this.query;
    }
  };
}

function textOf(statement: unknown): string | null {
  if (typeof statement === 'string') return statement;
  const { text } = (statement ?? {}) as { text?: unknown };
  return typeof text === 'string' ? text : null;
}
