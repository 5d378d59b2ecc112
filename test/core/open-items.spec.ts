import { ForEach, Parallel, Step, Workflow } from 'nest-durable';
import type { WorkflowDefinition } from '../../lib/core/definition/definition.js';
import { applyRecord } from '../../lib/core/run/machine.js';
import { OpenLoops } from '../../lib/core/run/open-items.js';
import { initialState, type RunState } from '../../lib/core/run/run-state.js';
import { type Look, lookAgain, type Place, survey, type Surroundings } from '../../lib/core/run/survey.js';
import { workflowOptions } from '../../lib/decorators/workflow-options.js';
import { compileWorkflow } from '../../lib/workflows/compiler.js';
import { Random } from '../support/random.js';

/** A look at a loop goes to the items that have changed, and finds what a look at all of them would find. */

@Workflow({ name: 'nested' })
class NestedWorkflow {
  @ForEach(['first', 'fan', 'inner', 'last'], { concurrency: 3, onError: 'completeAll', results: 'none' })
  outer() {
    return [];
  }

  @Step()
  first() {}

  @Parallel({ x: 'armX', y: 'armY' }, { onError: 'completeAll' })
  fan() {}

  @Step()
  armX() {}

  @Step()
  armY() {}

  @ForEach('leaf', { concurrency: 2 })
  inner() {
    return [];
  }

  @Step()
  leaf() {}

  @Step()
  last() {}
}

@Workflow({ name: 'flat' })
class FlatWorkflow {
  @ForEach('one', { concurrency: 10, onError: 'completeAll', results: 'none' })
  all() {
    return [];
  }

  @Step()
  one() {}
}

function definitionOf(type: new () => object): WorkflowDefinition {
  const { compiled } = compileWorkflow(type, workflowOptions(type) ?? {});
  if (compiled === undefined) throw new Error(`${type.name} does not compile`);
  return compiled.definition;
}

/** A run whose steps end, wait and fail as they are told. */
class Walk {
  readonly state: RunState;
  readonly loops = new OpenLoops();
  readonly running = new Set<string>();
  /** Database time in ms until which the step at a path waits. */
  readonly waits = new Map<string, number>();
  now = 0;
  looks = 0;
  private seq = 0;

  constructor(
    readonly definition: WorkflowDefinition,
    private readonly items: (path: string) => number,
  ) {
    this.state = initialState(definition, 1);
  }

  look(): Look {
    return lookAgain(this.definition, this.state, this.around, this.loops);
  }

  all(): Look {
    return survey(this.definition, this.state, this.around);
  }

  wait(path: string, until: number): void {
    this.waits.set(path, until);
    this.loops.changed(this.definition, this.state, path);
  }

  wake(path: string): void {
    this.waits.delete(path);
    this.loops.changed(this.definition, this.state, path);
  }

  /** `retryAt`: it has failed; null: for good. */
  end({ path, node, work, state }: Place, failed?: { readonly retryAt: number | null }): void {
    this.running.delete(path);
    const facts = node.kind === 'forEach' && work === 'attempt' ? { items: this.items(path) } : null;
    applyRecord(this.definition, this.state, {
      seq: ++this.seq,
      path,
      type: work === 'gather' ? 'gather' : node.kind,
      visit: state.visit,
      attempt: state.attempt,
      status: failed === undefined ? 'completed' : 'failed',
      hasOutput: false,
      retryAt: failed?.retryAt ?? null,
      facts: failed === undefined ? facts : null,
    });
    this.loops.changed(this.definition, this.state, path);
  }

  private get around(): Surroundings {
    const running = new Map<string, Set<string>>();
    for (const path of this.running) {
      for (const [segment, node = '', arm, index] of path.matchAll(/([^./[\]]+)(?:\.(\w+)|\[(\d+)\])\//g)) {
        const at = path.slice(0, path.indexOf(segment)) + node;
        running.set(at, (running.get(at) ?? new Set()).add(arm ?? index ?? ''));
      }
    }
    return {
      now: this.now,
      running,
      waitsUntil: (path) => {
        this.looks++;
        return this.waits.get(path) ?? 0;
      },
    };
  }
}

function pathsOf({ ready, away, until }: Look): object {
  return { ready: ready.map(({ path }) => path), away: away.map(({ path }) => path), until };
}

it.each(Array.from({ length: 20 }, (_, seed) => seed))('finds what a look at all finds (seed %i)', (seed) => {
  const random = new Random(seed);
  const walk = new Walk(definitionOf(NestedWorkflow), (path) => (path === 'outer' ? 12 : random.int(0, 4)));
  let steps = 0;
  for (; steps < 2_000 && walk.state.root.node !== null; steps++) {
    const found = walk.look();
    expect(pathsOf(found)).toEqual(pathsOf(walk.all()));
    walk.now += random.int(0, 3);
    const path = random.chance(0.3) && walk.waits.size > 0 ? random.pick([...walk.waits.keys()]) : null;
    const place = found.ready.length > 0 ? random.pick(found.ready) : null;
    if (path !== null) walk.wake(path);
    else if (place === null) walk.now += 5;
    else if (!walk.running.has(place.path) && random.chance(0.5)) walk.running.add(place.path);
    else if (place.work === 'gather') walk.end(place);
    else if (random.chance(0.2)) walk.wait(place.path, random.chance(0.5) ? walk.now + random.int(1, 20) : Infinity);
    else if (random.chance(0.1)) walk.end(place, { retryAt: random.chance(0.5) ? walk.now + random.int(1, 20) : null });
    else walk.end(place);
    if (found.until <= walk.now) for (const [at, until] of walk.waits) if (until <= walk.now) walk.wake(at);
  }
  expect(walk.state.root.node).toBeNull();
});

it.each([1_000, 4_000])('of %i items that wait, fail or are ready, each is looked at a few times', (count) => {
  const walk = new Walk(definitionOf(FlatWorkflow), () => count);
  for (let n = 0; n <= count; n++) {
    const [place] = walk.look().ready;
    if (place === undefined) break;
    if (place.node.kind === 'forEach') walk.end(place);
    else if (n % 2 === 0) walk.wait(place.path, Infinity);
    else walk.end(place, { retryAt: null });
  }
  const waiting = [...walk.waits.keys()];
  // All are ready at once, and go on one by one.
  for (const path of waiting) walk.wake(path);
  for (let [place] = walk.look().ready; place !== undefined; [place] = walk.look().ready) walk.end(place);
  expect(waiting.length).toBeGreaterThan(count / 2 - 10);
  expect(walk.looks).toBeLessThan(25 * count);
  expect(walk.state.root.node).toBeNull();
});

it('items whose time has come, and of which nobody has said that it is over, are not looked at again and again', () => {
  const walk = new Walk(definitionOf(FlatWorkflow), () => 1_000);
  for (let [place] = walk.look().ready; place !== undefined; [place] = walk.look().ready) {
    if (place.node.kind === 'forEach') walk.end(place);
    else walk.wait(place.path, 10);
  }
  walk.now = 20;
  walk.look();
  walk.looks = 0;
  for (let n = 0; n < 100; n++) expect(walk.look()).toMatchObject({ ready: [], until: 10 });
  expect(walk.looks).toBe(0);
});
