/**
 * Planner methods switched off, in sessions and transactions of our own only. (Our functions switch the same off but for
 * JIT: all they read has an index, so none of their plans counts as dear.)
 *
 * Only nested loops over indexes: a plan made while the tables were small must not turn into a scan of a large one before they
 * are next analysed, nor into a look through a copy of one for each row (`enable_material`). And no JIT: before PostgreSQL 18 a
 * plan that cannot do without what is off counts as so dear that the server compiles it, 200 ms for a statement of 1 ms.
 */
export const INDEXES_ONLY = ['enable_seqscan', 'enable_hashjoin', 'enable_mergejoin', 'enable_material'] as const;

/** For one transaction of a session that has the other plans too; JIT is off in all of ours. */
export const TRANSACTION_PLANNER = INDEXES_ONLY.map((setting) => `SET LOCAL ${setting} = off`).join('; ');
