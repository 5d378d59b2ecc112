import { decode, encode } from '../../lib/core/codec/codec.js';
import type { DataRef } from '../../lib/core/run/run-state.js';
import { compileWorkflow } from '../../lib/workflows/compiler.js';
import { workflowOptions } from '../../lib/decorators/workflow-options.js';
import { currentAttempt, workflowId } from '../../lib/engine/step/step-functions.js';
import { Registry } from '../../lib/engine/ports/registry.js';
import { Random } from '../support/random.js';
import { MemoryStore } from '../support/memory-store.js';
import { attemptOf, madeOf, type StoredRun } from '../support/memory-tables.js';
import { MemoryWorker, type CommitFault } from '../support/memory-worker.js';
import { byTurns, type TurnTime } from '../support/turn-time.js';
import { classOf, dismantle, type Probe } from './plan-class.js';
import type { Plan } from './plan.js';
import { expectedRound, type ExpectedRecord } from './reference.js';
import type { ObservedCall, ObservedRun } from './verdict.js';

const VISIBLE: readonly string[] = ['step', 'decision', 'branch', 'parallel', 'forEach', 'compensate'];
/** Runs that a worker has at a time. */
const ROOM = 100;
/** ms of a turn: what falls due while something else is under way differs with it. */
const TURNS = [0.05, 0.1, 0.2, 0.5];

export interface Killing {
  /** What happens to the next commit. */
  readonly fault: () => CommitFault;
  /** Whether the worker is taken for dead now, while it lives. */
  readonly stall: () => boolean;
}

/** What came of plans that were run side by side, workers being killed all the while. */
export interface Outcome {
  readonly runs: readonly ObservedRun[];
  readonly workers: number;
  readonly commits: number;
  /** What went wrong in no run alone: an attempt made again after its record, a record the tables would refuse. */
  readonly faults: readonly string[];
}

export function runInMemory(plans: readonly Plan[], killing: Killing, store = new MemoryStore()): Promise<Outcome> {
  const turn = new Random(plans[0]?.seed ?? 0).pick(TURNS);
  return byTurns(turn, (time) => runAll(plans, killing, store, time));
}

async function runAll(plans: readonly Plan[], killing: Killing, store: MemoryStore, time: TurnTime): Promise<Outcome> {
  const registry = new Registry();
  const types: (new () => object)[] = [];
  const calls = new Map<string, ObservedCall[]>();
  /** Methods that began although their attempt was recorded. */
  const late: string[] = [];
  const probe: Probe = {
    async begin(plan, member, args) {
      const worker = MemoryWorker.current();
      const id = workflowId();
      const attempt = currentAttempt();
      const run = store.run(id);
      if (worker.dead) await new Promise<never>(() => {});
      const round = worker.inFlight(id).find((one) => one.step === member && one.attempt === attempt)?.round;
      // Given up before it began: whatever it does counts for nothing.
      if (round === undefined) return new Promise<never>(() => {});
      calls.get(id)?.push({ member, round, attempt, args });
      // What a worker does that is taken for dead cannot be held against it: it does not know.
      if (store.holderOf(id) !== worker.id) return round;
      late.push(...recordedBefore(run, worker));
      if (!isDue(predecessors(plan, round), member, attempt, run)) {
        late.push(`${plan.name}: ${member} runs before what comes before it is recorded`);
      }
      return round;
    },
  };
  const ids = plans.map((plan, index) => {
    const definitionId = index + 1;
    const type = classOf(plan, probe);
    types.push(type);
    const { compiled, faults } = compileWorkflow(type, workflowOptions(type) ?? {});
    if (compiled === undefined) throw new Error(faults.map(({ path, message }) => `${path}: ${message}`).join('\n'));
    const { definition, retryIf } = compiled;
    registry.add({
      definition,
      definitionId,
      type,
      instance: new type(),
      retryIf,
      concurrencyKey: null,
      validateInput: null,
    });
    store.addDefinition(definitionId, definition);
    const id = store.start(definition.name, definitionId, encode(plan.input));
    calls.set(id, []);
    return id;
  });

  const expected = new Map<string, Map<string, ExpectedRecord[]>>();
  /** The model's records of a round, by member and attempt. */
  function predecessors(plan: Plan, round: number): Map<string, ExpectedRecord[]> {
    const key = `${plan.seed} ${round}`;
    const known = expected.get(key);
    if (known !== undefined) return known;
    const records = new Map<string, ExpectedRecord[]>();
    for (const record of expectedRound(plan, round).records) {
      const of = `${record.name} ${record.attempt}`;
      records.set(of, [...(records.get(of) ?? []), record]);
    }
    expected.set(key, records);
    return records;
  }

  let workers = 1;
  let idle = 0;
  let worker = new MemoryWorker(workers, store, registry, killing.fault);
  while (store.unfinished > 0) {
    await worker.turn(ROOM);
    if (store.refusals.length > 0) throw new Error(`The tables would refuse this: ${store.refusals.join('; ')}`);
    for (const trouble of worker.troubles.splice(0)) {
      // A broken connection is told of once; what else is told of must not be.
      if (!/^Could not (read|write|claim) /.test(trouble)) late.push(named(trouble, store));
    }
    if (worker.dead || killing.stall()) {
      store.declareDead(worker.id);
      worker = new MemoryWorker(++workers, store, registry, killing.fault);
      idle = 0;
    } else if (!worker.idle) {
      idle = 0;
    } else if (store.quietUntil !== null) {
      time.pass(Math.max(0, store.quietUntil - time.now));
      idle = 0;
    } else if (++idle > 1_000) {
      throw new Error(`Nothing goes on: ${store.describeUnfinished()}; ${store.refusals.join('; ')}`);
    }
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
  types.forEach(dismantle);
  return {
    runs: ids.map((id) => observed(store.run(id), calls.get(id) ?? [])),
    workers,
    commits: store.commits,
    faults: late,
  };
}

/** Attempts that run although they are in the journal: nobody may be making them any more. */
function recordedBefore(run: StoredRun, worker: MemoryWorker): string[] {
  return worker.inFlight(run.id).flatMap((attempt) => {
    // A loop's results are put together under the name of the loop, when its selector is long recorded.
    if (attempt.type === 'forEach' || !run.attempts.has(attemptOf(attempt))) return [];
    return [`${run.workflow}: ${attempt.path} runs, and is recorded`];
  });
}

/** A successor starts only when what it follows is committed. A compensation follows what was really done. */
function isDue(
  expected: ReadonlyMap<string, ExpectedRecord[]>,
  member: string,
  attempt: number,
  run: StoredRun,
): boolean {
  const places = expected.get(`${member} ${attempt}`);
  if (places === undefined || places.some(({ after }) => after.length === 0)) return true;
  const { round } = run;
  return places.some(({ after }) =>
    after.every(({ path, attempt: a }) => run.made.has(madeOf({ round, path, attempt: a }))),
  );
}

function observed(run: StoredRun, calls: readonly ObservedCall[]): ObservedRun {
  const bySeq = new Map(run.records.map((record) => [record.seq, record]));
  const dataOf = (ref: DataRef): unknown => {
    const [seq, item] = typeof ref === 'number' ? [ref, null] : ref;
    const value = decode(seq === 0 ? run.input : (bySeq.get(seq)?.output ?? 'null'));
    return item === null ? value : (value as unknown[])[item];
  };
  return {
    status: run.status,
    data: dataOf(run.dataSeq),
    error: run.error === null ? null : (decode(run.error) as { message: string }),
    round: run.round,
    records: run.records
      .filter(({ type }) => VISIBLE.includes(type))
      .map((record) => ({
        path: record.path,
        type: record.type,
        round: record.round,
        visit: record.visit,
        attempt: record.attempt,
        status: record.status,
        input: dataOf(record.input),
        output: record.output === null ? null : decode(record.output),
        error: record.error === null ? null : (decode(record.error) as { message: string }),
        isCompensation: record.type === 'compensate',
      })),
    intents: run.records.filter(({ type }) => type === 'intent'),
    calls,
  };
}

/** A message with the names of workflows in place of the ids of their runs. */
function named(message: string, store: MemoryStore): string {
  return [...store.runs.values()].reduce((text, { id, workflow }) => text.replaceAll(id, workflow), message);
}
