/**
 * What the planner does without, in sessions and transactions of our own only. (Our functions switch the same off but for
 * JIT: all they read has an index, so none of their plans counts as dear.)
 *
 * Only nested loops over indexes: a plan made while the tables were small must not turn into a scan of a large one
 * before they are next analysed. And no JIT: before PostgreSQL 18 a plan that cannot do without what is off counts as so
 * dear that the server compiles it, 200 ms for a statement of 1 ms.
 */
const SWITCHED_OFF = ['enable_seqscan', 'enable_hashjoin', 'enable_mergejoin', 'jit'] as const;

/** For a session. */
export const SESSION_PLANNER: readonly string[] = SWITCHED_OFF.map((setting) => `SET ${setting} = off`);

/** For one transaction, so behind a transaction-mode pooler too. */
export const TRANSACTION_PLANNER = SWITCHED_OFF.map((setting) => `SET LOCAL ${setting} = off`).join('; ');
