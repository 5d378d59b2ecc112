import { Random } from '../support/random.js';
import { ITEMS } from './behaviour.js';
import type { Act, DecisionPlan, Jump, NodePlan, ParallelPlan, Plan, Undo, UndoPlan } from './plan.js';

const MAX_NODES = 30;
const MAX_DEPTH = 4;

/** Where a sequence stands. */
interface Place {
  readonly depth: number;
  /** Inside a parallel arm or a loop item: `finish` never stands there. */
  readonly fanOut: boolean;
  /** In a loop's arm, and in no parallel within it, with no jumps around: data may be any value there. */
  readonly anyValue: boolean;
  /** What can be jumped to in the enclosing sequences, through branch arms. */
  readonly outer: readonly string[];
}

/** The same seed gives the same plan. */
export function planOf(seed: number): Plan {
  return new PlanGenerator(seed).plan();
}

class PlanGenerator {
  private readonly random: Random;
  /** What was added later draws from here, so that known seeds still give the plans that they gave. */
  private readonly rare: Random;
  /** The same once more: what selectors write. */
  private readonly rarer: Random;
  private count = 0;
  private readonly budget: number;
  private readonly undos: UndoPlan[] = [];
  private readonly used = new Set<string>();
  /** How much goes wrong differs from plan to plan: where all fails early nothing deep is ever reached. */
  private readonly failureRate: number;
  private readonly maxRetries: number;

  constructor(private readonly seed: number) {
    this.random = new Random(seed);
    this.rare = new Random(seed ^ 0x5eed);
    this.rarer = new Random(seed ^ 0xc0de);
    this.budget = this.random.int(3, MAX_NODES);
    this.failureRate = this.random.pick([0, 0.02, 0.05, 0.15]);
    this.maxRetries = this.random.chance(0.15) ? this.random.int(1, 2) : 0;
  }

  plan(): Plan {
    const { seed, random } = this;
    const nodes = this.sequence({ depth: 1, fanOut: false, anyValue: false, outer: [] }, 5);
    return {
      seed,
      name: `plan_${seed}`,
      input: random.chance(0.5) ? { start: random.int(0, 9) } : {},
      maxRetries: this.maxRetries,
      nodes,
      undos: this.undos.filter(({ name }) => this.used.has(name)),
    };
  }

  private name(kind: string): string {
    return `${kind}${++this.count}`;
  }

  private sequence(place: Place, most: number): NodePlan[] {
    const length = this.random.int(1, most);
    // Names first: a jump forwards names what is not made yet.
    const kinds: NodePlan['kind'][] = [];
    const names: string[] = [];
    for (let i = 0; i < length && (i === 0 || this.count < this.budget); i++) {
      const kind = this.kind(place);
      kinds.push(kind);
      names.push(this.name(kind));
    }
    return kinds.map((kind, index) => this.node(kind, index, names, place));
  }

  private kind({ depth, anyValue }: Place): NodePlan['kind'] {
    const leaf = depth >= MAX_DEPTH || this.count >= this.budget;
    const roll = this.random.next();
    if (leaf || roll < 0.4) return !anyValue && this.random.chance(0.25) ? 'decision' : 'step';
    if (roll < 0.6) return 'branch';
    return roll < 0.8 ? 'parallel' : 'forEach';
  }

  private node(kind: NodePlan['kind'], index: number, names: readonly string[], place: Place): NodePlan {
    const { random } = this;
    const name = names[index] ?? '';
    switch (kind) {
      case 'step':
        return { kind, name, act: this.act(place), undo: this.undo() };
      case 'decision':
        return this.decision(name, index, names, place);
      case 'branch': {
        const keys = [...new Set(Array.from({ length: random.int(1, 3) }, () => random.pick(KEYS)))];
        const arms = Object.fromEntries(keys.map((key) => [key, this.sequence(this.inside(place, names), 3)]));
        // Now and then a value with no arm: the default's, or the end of the run.
        const values = keys.filter((key) => key !== 'default').map(asValue);
        if (values.length === 0 || (keys.includes('default') ? random.chance(0.5) : random.chance(this.failureRate))) {
          values.push('elsewhere');
        }
        return { kind, name, act: this.selector(place), arms, values };
      }
      case 'parallel':
        return this.parallel(name, index, names, place);
      case 'forEach': {
        const items = Array.from({ length: random.int(0, 5) }, () => random.pick(ITEMS));
        const jumps = random.chance(0.6);
        const arm = this.sequence({ depth: place.depth + 1, fanOut: true, anyValue: !jumps, outer: [] }, 3);
        return {
          kind,
          name,
          act: this.selector(place),
          arm,
          items,
          onError: random.pick(['failFast', 'completeAll']),
          concurrency: random.pick([1, 2, 10]),
          results: random.chance(0.8) ? 'all' : 'none',
        };
      }
    }
  }

  private decision(name: string, index: number, names: readonly string[], place: Place): DecisionPlan {
    return {
      kind: 'decision',
      name,
      act: this.act({ ...place, anyValue: false }),
      undo: this.undo(),
      jump: this.jump(index, names, place, place.fanOut),
      maxVisits: place.depth === 1 && this.rare.chance(0.1) ? this.rare.int(1, 2) : 1000,
    };
  }

  private parallel(name: string, index: number, names: readonly string[], place: Place): ParallelPlan {
    const { random } = this;
    const arms: [string, NodePlan[]][] = [];
    const inside: Place = { depth: place.depth + 1, fanOut: true, anyValue: false, outer: [] };
    for (let left = random.int(1, 4); left > 0; left--) {
      arms.push([`arm${arms.length}`, this.sequence(inside, 3)]);
    }
    return {
      kind: 'parallel',
      name,
      // Not 'written': what a collector writes and does not return would stand beside `__results__`.
      act: this.act(place, random.pick(['nothing', 'nothing', 'added', 'replaced'])),
      arms: Object.fromEntries(arms),
      onError: random.pick(['failFast', 'completeAll']),
      concurrency: random.pick([null, null, 1, 2]),
      jump: !place.anyValue && random.chance(0.15) ? this.jump(index, names, place, place.fanOut) : null,
    };
  }

  private inside(place: Place, siblings: readonly string[]): Place {
    return { ...place, depth: place.depth + 1, outer: [...place.outer, ...siblings] };
  }

  /** Where a decision in an arm can only stay there, it always has a target. */
  private jump(index: number, names: readonly string[], place: Place, always: boolean): Jump | null {
    const { random } = this;
    if (!always && random.chance(0.2)) return random.chance(0.3) ? this.ending(names[index] ?? '') : null;
    const own = names[index] ?? '';
    const to = random.chance(0.3) && place.outer.length > 0 ? random.pick(place.outer) : random.pick(names);
    const times = random.int(to === own ? 1 : 0, 2);
    const end = !place.fanOut && random.chance(0.15) ? 'finish' : 'return';
    return { to, times, end };
  }

  private ending(own: string): Jump {
    return { to: own, times: 0, end: 'finish' };
  }

  private selector(place: Place): Act {
    return this.act(place, this.rarer.chance(0.3) ? 'written' : 'nothing');
  }

  private act({ anyValue }: Place, returns?: Act['returns']): Act {
    const { random } = this;
    const base = {
      fatal: false,
      firstRoundOnly: false,
      ticks: random.int(0, 2),
      delay: random.int(0, 1),
      returns:
        returns ??
        (anyValue && random.chance(0.3)
          ? 'value'
          : random.pick(['nothing', 'added', 'added', 'replaced', 'written'] as const)),
    };
    if (random.chance(this.failureRate)) {
      const fatal = random.chance(0.2);
      return {
        ...base,
        fatal,
        fails: Number.POSITIVE_INFINITY,
        firstRoundOnly: this.maxRetries > 0 && random.chance(0.7),
        maxAttempts: random.int(1, 3),
      };
    }
    const fails = random.chance(0.15) ? random.int(1, 2) : 0;
    return { ...base, fails, maxAttempts: fails + random.int(1, 2) };
  }

  private undo(): Undo | null {
    const { random } = this;
    if (random.chance(0.6)) return null;
    if (this.undos.length === 0 || (this.undos.length < 4 && random.chance(0.4))) {
      const failing = random.chance(this.failureRate * 2);
      const fails = failing ? Number.POSITIVE_INFINITY : random.chance(0.15) ? 1 : 0;
      const maxAttempts = failing ? random.int(1, 2) : fails + 1;
      this.undos.push({
        name: `undo${this.undos.length + 1}`,
        act: {
          fails,
          fatal: false,
          firstRoundOnly: false,
          maxAttempts,
          delay: random.int(0, 1),
          ticks: random.int(0, 1),
          returns: 'nothing',
        },
      });
    }
    const { name } = random.pick(this.undos);
    this.used.add(name);
    return { name, when: random.chance(0.3) ? 'started' : 'completed' };
  }
}

const KEYS = ['text', '1', '20', 'true', 'false', 'null', 'with space', 'a/b.c[d]~%', '__proto__', 'default'];

/** A value that `String` makes the key from. */
function asValue(key: string): string | number | boolean | null {
  if (key === 'null') return null;
  if (key === 'true' || key === 'false') return key === 'true';
  return /^\d+$/.test(key) ? Number(key) : key;
}
