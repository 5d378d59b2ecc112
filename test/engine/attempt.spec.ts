import type { RegisteredWorkflow } from '../../lib/engine/ports/registry.js';
import { BootContext } from '../../lib/engine/ports/boot-context.js';
import type { RunOp, StepTransaction } from '../../lib/engine/ports/store.js';
import type { SessionDeps } from '../../lib/engine/run/session.js';
import { runTransactional } from '../../lib/engine/run/transactional.js';
import { NO_EXTRAS } from '../../lib/engine/step/child-start.js';
import { RunningAttempt } from '../../lib/engine/run/running-attempt.js';
import type { AttemptResult, AttemptSpec } from '../../lib/engine/step/attempt.js';
import { runAttempt } from '../../lib/engine/step/attempt-pass.js';
import { type ScopeHost, StepScope } from '../../lib/engine/step/scope.js';
import { DatabaseClock } from '../../lib/engine/time/clock.js';

/** How an attempt comes to its end, whatever comes first. */

const gone = new Error('the lease is lost');
let calls = 0;
let body: () => unknown = () => ({});

const workflow = {
  definition: { name: 'order' },
  instance: {
    charge() {
      calls++;
      return body();
    },
  },
  retryIf: new Map(),
} as unknown as RegisteredWorkflow;

const spec: AttemptSpec = {
  name: 'charge',
  member: 'charge',
  timeout: null,
  retry: { maxAttempts: 1 } as AttemptSpec['retry'],
  args: () => [],
  settle: (returned) => ({ output: JSON.stringify(returned), facts: null }),
};

function attempt(): RunningAttempt {
  const host = { context: new BootContext(), maxPayloadBytes: 1_000 } as ScopeHost;
  return new RunningAttempt({} as never, {
    open: (_, manager) => new StepScope(host, { step: 'charge', attempt: 1, data: '{}', manager, waits: null }),
  });
}

function run(running: RunningAttempt): Promise<AttemptResult> {
  return runAttempt(workflow, spec, running.open(null), running, new DatabaseClock());
}

beforeEach(() => {
  calls = 0;
  body = () => ({});
});

it('its code does not begin where it was given up before: its records were being read', async () => {
  const running = attempt();
  running.giveUp(gone);
  const result = await run(running);
  expect(calls).toBe(0);
  expect(result).toMatchObject({ status: 'failed', error: expect.stringContaining('the lease is lost') });
  expect(running.scope?.isGivenUp).toBe(true);
});

it('given up between two tries of its transaction: the second calls no code either', async () => {
  const running = attempt();
  await run(running);
  running.giveUp(gone);
  expect(await run(running)).toMatchObject({ status: 'failed' });
  expect(calls).toBe(1);
});

it('given up while it runs: that is its end, and what it returns later counts for nothing', async () => {
  const running = attempt();
  let back = (_: unknown): void => {};
  body = () => new Promise((resolve) => (back = resolve));
  const end = run(running);
  running.giveUp(gone);
  back({ late: true });
  expect(await end).toMatchObject({ status: 'failed' });
});

it('returned: whatever gives it up later', async () => {
  const running = attempt();
  body = () => ({ paid: true });
  const result = await run(running);
  running.giveUp(gone);
  expect(result).toMatchObject({ status: 'completed', output: '{"paid":true}' });
});

it('in a transaction: the queues of the children that it has started are looked at once it is committed', async () => {
  const due: [string, number][] = [];
  let isCommitted = false;
  const transaction = async (work: (transaction: StepTransaction) => Promise<unknown>): Promise<unknown> => {
    const within = { manager: {}, codeIs: () => {}, hasEnded: () => false, record: async () => true };
    const result = await work(within as unknown as StepTransaction);
    expect(due).toEqual([]);
    isCommitted = true;
    return result;
  };
  const onDue = (queue: string, ms: number): void => void due.push([queue, ms]);
  const deps = { store: { transaction }, worker: () => 1, clock: new DatabaseClock(), onDue } as unknown as SessionDeps;
  const extras = { ...NO_EXTRAS, children: [{ queue: 'mails' }, { queue: 'bills' }] };
  const op = { records: [], extras } as unknown as RunOp;
  const end = await runTransactional(deps, workflow, spec, attempt(), () => op);
  expect([end.committed, isCommitted]).toEqual([op, true]);
  expect(due).toEqual([
    ['mails', 0],
    ['bills', 0],
  ]);
});
