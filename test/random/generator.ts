import { Random } from '../support/random.js';
import {
  ANSWERS,
  FAR,
  actsOf,
  armsOf,
  bareStep,
  isDoom,
  membersOf,
  type Act,
  type Fate,
  type Limit,
  type NodePlan,
  type Plan,
  QUEUES,
  type StepPlan,
  type UndoPlan,
  type WaitAct,
} from './plan.js';

const MOST_MEMBERS = 14;
const DEPTH = 3;

interface Place {
  readonly depth: number;
  readonly looped: boolean;
}

/** The same seed gives the same plans. Each may call those before it. */
export function plansOf(seed: number, count: number): Plan[] {
  return Array.from({ length: count }, (_, index) => new Generator(seed, index, count).plan());
}

class Generator {
  private readonly random: Random;
  private readonly undos: UndoPlan[] = [];
  private members = 0;
  private names = 0;
  private children: number;
  private dooms: number;
  private rounds = false;
  private readonly most: number;
  private readonly maxRetries: number;

  constructor(
    seed: number,
    private readonly index: number,
    private readonly count: number,
  ) {
    const random = new Random(Math.imul(seed, 7919) + index * 104_729);
    this.random = random;
    this.most = random.int(2, MOST_MEMBERS);
    this.dooms = random.chance(0.2) ? 1 : 0;
    this.maxRetries = random.chance(0.2) ? random.int(1, 2) : 0;
    this.children = index < count / 3 ? 0 : 2;
  }

  plan(): Plan {
    const { random, index } = this;
    const nodes = this.sequence({ depth: 1, looped: false }, 5);
    return {
      index,
      name: `plan_${index}`,
      queue: random.chance(0.6) ? 'default' : random.pick(QUEUES),
      priority: random.int(-2, 2),
      maxRetries: this.maxRetries,
      timeout: random.chance(0.1) ? random.int(500, 4_000) : null,
      concurrency: random.chance(0.2) ? { limit: random.int(1, 3), hold: random.pick(['working', 'run']) } : null,
      cancelled: random.chance(0.15),
      // One that fails by a limit would not, if that wait was cancelled.
      waitsCancelled: random.chance(0.15) && !actsOf(nodes).some(isDoom),
      nodes,
      undos: this.undos,
      later: random.int(0, nodes.length),
      ...this.changes(nodes),
    };
  }

  /** What further versions have in another way. */
  private changes(nodes: readonly NodePlan[]): Pick<Plan, 'laterWithin' | 'renamed' | 'dropped'> {
    const { random, undos } = this;
    const arms = membersOf(nodes).flatMap((node) =>
      armsOf(node).map(([arm, within]) => ({ of: node.name, arm, within })),
    );
    const into = arms.length > 0 ? random.pick(arms) : null;
    const renamable = nodes.filter((node) => membersOf([node]).every((one) => !('undo' in one) || one.undo === null));
    return {
      laterWithin: into === null ? null : { of: into.of, arm: into.arm, at: random.int(0, into.within.length - 1) },
      renamed: renamable.length > 0 && random.chance(0.7) ? random.pick(renamable).name : null,
      dropped: undos.length > 0 && random.chance(0.5) ? random.pick(undos).name : null,
    };
  }

  private sequence(place: Place, most: number): NodePlan[] {
    const nodes: NodePlan[] = [];
    for (let left = this.random.int(1, most); left > 0 && (nodes.length === 0 || this.members < this.most); left--) {
      nodes.push(this.node(place, nodes));
    }
    return nodes;
  }

  private node(place: Place, before: readonly NodePlan[]): NodePlan {
    const { random } = this;
    this.members++;
    const inner = { ...place, depth: place.depth + 1 };
    const roll = place.depth >= DEPTH ? 0 : random.next();
    if (roll < 0.55) return this.step(place, before);
    if (roll < 0.65) {
      const arms = { one: this.sequence(inner, 2), 'two words': this.sequence(inner, 2) };
      const pick = random.pick(['one', 'two words']);
      return { kind: 'branch', name: this.name('branch'), pick, arms, ...this.selecting(place) };
    }
    const onError = random.pick(['failFast', 'completeAll'] as const);
    if (roll < 0.85) {
      const arms = Object.fromEntries(
        Array.from({ length: random.int(2, 4) }, (_, n) => [`arm${n}`, this.sequence(inner, 2)]),
      );
      if (random.chance(0.3)) this.talk(Object.values(arms));
      return {
        kind: 'parallel',
        name: this.name('parallel'),
        arms,
        onError,
        concurrency: random.pick([null, null, 2]),
        ...this.selecting(place),
      };
    }
    return {
      kind: 'forEach',
      name: this.name('loop'),
      count: random.int(0, 5),
      arm: this.sequence({ ...inner, looped: true }, 2),
      onError,
      concurrency: random.pick([1, 2, 10]),
      results: random.pick(['all', 'all', 'none']),
      ...this.selecting(place),
    };
  }

  private selecting(place: Place): { acts: Act[]; maxAttempts: number } {
    const { random } = this;
    const acts = Array.from({ length: Math.max(0, random.int(-2, 2)) }, () => this.act(place, false));
    if (!random.chance(0.1)) return { acts, maxAttempts: 1 };
    const times = random.int(1, 2);
    acts.splice(random.int(0, acts.length), 0, { do: 'fail', times });
    return { acts, maxAttempts: times + 1 };
  }

  /** One arm tells what another waits for. One with a limit on its arms could keep the teller out. */
  private talk(arms: NodePlan[][]): void {
    const name = this.name('told');
    const teller = this.bare([{ do: 'tell', name }]);
    const hearer = this.bare([{ do: 'event', name, limit: null }]);
    arms[0]?.unshift(teller);
    arms[1]?.unshift(hearer);
  }

  private bare(acts: readonly Act[]): StepPlan {
    return bareStep(this.name('step'), acts);
  }

  private step(place: Place, before: readonly NodePlan[]): StepPlan {
    const { random } = this;
    const transactional = random.chance(0.15);
    const acts = Array.from({ length: random.int(1, 4) }, () => this.act(place, transactional));
    // A child that was started is waited for later on, by its ref.
    const started = acts.find((act) => act.do === 'start');
    if (started !== undefined && !transactional && random.chance(0.5)) {
      acts.push({ do: 'child', plan: started.plan, ref: started.ref, limit: null });
    }
    let maxAttempts = 1;
    if (random.chance(0.25)) {
      const times = random.int(1, 2);
      acts.splice(random.int(0, acts.length), 0, { do: 'fail', times });
      // Where there are rounds it may take those; one step alone, or they would not do.
      const byRounds = place.depth === 1 && !this.rounds && this.maxRetries >= times && random.chance(0.5);
      this.rounds ||= byRounds;
      maxAttempts = byRounds ? 1 : times + 1;
    }
    let timeout: number | null = null;
    if (!transactional && random.chance(0.06)) {
      acts.splice(random.int(0, acts.length), 0, { do: 'hang' });
      timeout = 1_500;
      maxAttempts += 5;
    }
    if (this.dooms > 0 && random.chance(0.3)) {
      this.dooms--;
      const limit = { ms: 20, ends: 'fail' } as const;
      if (place.depth > 1 || transactional || random.chance(0.5))
        acts.push({ do: 'doom', how: random.pick(['error', 'fatal']) });
      else acts.push({ do: 'event', name: this.name('never'), limit });
    }
    const target = before.length > 0 && random.chance(0.15) ? random.pick(before).name : null;
    return {
      kind: target === null ? 'step' : 'decision',
      name: this.name(target === null ? 'step' : 'decision'),
      acts,
      returns: random.pick(['data', 'data', 'data', 'written', 'nothing'] as const),
      transactional,
      queue: random.chance(0.12) ? random.pick(['elsewhere', 'narrow']) : null,
      maxAttempts,
      delay: random.pick([0, 1, 30, 200]),
      timeout,
      undo: this.undo(),
      jump: target === null ? null : { to: target, times: random.int(1, 2) },
    };
  }

  private act(place: Place, transactional: boolean): Act {
    const { random } = this;
    const roll = random.next();
    if (roll < 0.25) return { do: 'work', ms: random.pick([0, 1, 5, 30]) };
    if (roll < 0.35) return { do: 'once', name: this.name('once'), ms: random.pick([0, 2, 20]) };
    if (roll < 0.42 && this.children > 0) {
      return { do: 'start', plan: this.child(place), ref: this.name('ref') };
    }
    if (transactional) return { do: 'work', ms: 1 };
    if (roll < 0.5) return { do: random.pick(['race', 'both']), acts: [this.wait(place), this.wait(place)] };
    return this.wait(place);
  }

  private wait(place: Place): WaitAct {
    const { random } = this;
    const roll = random.next();
    if (roll < 0.2) return { do: 'sleep', ms: random.pick([0, 1, 20, 150, 700]) };
    if (roll < 0.35 && this.children > 0) {
      const limit = random.chance(0.15) ? this.limit('maybe') : null;
      return { do: 'child', plan: this.child(place), ref: random.chance(0.3) ? this.name('ref') : null, limit };
    }
    const fate = random.pick(['sent', 'sent', 'never', 'maybe'] as const);
    const limit = this.limit(fate);
    const name = this.name(fate);
    if (roll < 0.55) {
      return { do: 'input', name, asks: random.pick(Object.keys(ANSWERS) as (keyof typeof ANSWERS)[]), limit };
    }
    if (roll < 0.8) return { do: 'event', name, limit };
    if (roll < 0.9)
      return {
        do: 'any',
        names: [name, this.name(random.pick(['sent', 'never']))],
        limit: limit ?? this.limit('sent'),
      };
    return { do: 'all', names: [name, this.name(fate)], limit };
  }

  /** One that is never sent ends by its limit; one that is sent has a limit that is never reached. */
  private limit(fate: Fate): Limit | null {
    const { random } = this;
    if (fate === 'sent') return random.chance(0.5) ? null : { ms: FAR, ends: random.pick(['value', 'throw', 'fail']) };
    return { ms: random.pick([1, 30, 100, 400]), ends: random.pick(['value', 'throw']) };
  }

  /** In a loop it is one of those that call nobody. */
  private child({ looped }: Place): number {
    this.children -= looped ? 2 : 1;
    const third = Math.floor(this.count / 3);
    const most = looped || this.index < 2 * third ? third : 2 * third;
    return this.random.int(0, Math.min(most, this.index) - 1);
  }

  private undo(): StepPlan['undo'] {
    const { random } = this;
    if (random.chance(0.6)) return null;
    const when = random.chance(0.25) ? 'started' : 'completed';
    const [known] = this.undos;
    if (known !== undefined && random.chance(0.5)) return { name: known.name, when };
    const undo = { name: this.name('undo'), fails: random.chance(0.3) ? 1 : 0, transactional: random.chance(0.2) };
    this.undos.push(undo);
    return { name: undo.name, when };
  }

  private name(kind: string): string {
    return `${kind}${this.index}x${++this.names}`;
  }
}
