import { initialState } from '../../lib/core/run/run-state.js';
import type { WorkflowDefinition } from '../../lib/core/definition/definition.js';
import { parkOf } from '../../lib/engine/run/run-outcomes.js';
import type { SessionCore } from '../../lib/engine/run/session-core.js';
import type { NewWait } from '../../lib/engine/ports/store.js';
import { WaitBook } from '../../lib/engine/step/wait-book.js';

const DEFINITION = { name: 'order', nodes: [], compensations: [] } as unknown as WorkflowDefinition;

/** What a claim reads by the way of a run that was suspended on so many waits. */
function needs(waits: number): readonly number[] | null {
  const book = new WaitBook();
  book.add(Array.from({ length: waits }, (_, n) => ({ id: String(n), path: `each[${n % 10}]/ask` }) as NewWait));
  const core = { state: initialState(DEFINITION, 1), make: { last: 1 }, book } as unknown as SessionCore;
  const outcome = parkOf(core, null, 'wait', { error: null, asked: false });
  return outcome.needs;
}

it('a run with more than 100 waits is read after its claim, not in the transaction of it', () => {
  expect(needs(100)).toEqual([]);
  expect(needs(101)).toBeNull();
});
