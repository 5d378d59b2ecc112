import { checkDraft } from '../../lib/core/definition/definition-check.js';
import { buildDefinition, type DraftMember, type DraftWorkflow } from '../../lib/core/definition/definition-draft.js';
import {
  DEFAULT_RETRY,
  DEFAULT_SETTINGS,
  type RetryPolicy,
  type StepSettings,
} from '../../lib/core/definition/definition.js';
import { MAX_DURATION } from '../../lib/core/limits.js';

type Settings = Partial<StepSettings>;
type Arms = Record<string, string[]>;

const base = (member: string, settings: Settings = {}) => ({
  member,
  name: member,
  settings: { ...DEFAULT_SETTINGS, ...settings },
});
const step = (member: string, settings?: Settings): DraftMember => ({ ...base(member, settings), kind: 'step' });
const undo = (member: string): DraftMember => ({ ...base(member), kind: 'compensation' });
const decision = (member: string, goto: string[], maxVisits = 1000): DraftMember => ({
  ...base(member),
  kind: 'decision',
  goto,
  maxVisits,
});
const branch = (member: string, arms: Arms): DraftMember => ({ ...base(member), kind: 'branch', arms });
const parallel = (member: string, arms: Arms, goto: string[] = []): DraftMember => ({
  ...base(member),
  kind: 'parallel',
  arms,
  goto,
  onError: 'failFast',
  concurrency: null,
});
const loop = (member: string, arm: string[]): DraftMember => ({
  ...base(member),
  kind: 'forEach',
  arm,
  onError: 'failFast',
  concurrency: 10,
  results: 'all',
});
const draft = (members: DraftMember[], fields: Partial<DraftWorkflow> = {}): DraftWorkflow => ({
  name: 'order',
  description: null,
  queue: 'default',
  priority: 0,
  timeout: null,
  maxRetries: 0,
  maxRecoveries: 10,
  concurrency: null,
  members,
  methods: members.map(({ member }) => member),
  ...fields,
});
const faults = (members: DraftMember[], fields?: Partial<DraftWorkflow>): string[] =>
  checkDraft(draft(members, fields)).map(({ member, message }) => `${member ?? '-'}: ${message}`);

describe('checkDraft', () => {
  it('finds nothing wrong with a workflow of every kind of member, nested', () => {
    const members = [
      step('validate', { compensate: 'undo', compensateWhen: 'started' }),
      decision('review', ['validate', 'fulfil']),
      parallel('fulfil', { pay: ['charge'], ship: ['quote', 'route'] }, ['review']),
      step('charge', { compensate: 'undo' }),
      step('quote'),
      branch('route', { land: ['drive'], default: ['again'] }),
      decision('again', ['quote']),
      step('drive'),
      loop('each', ['send']),
      step('send'),
      undo('undo'),
    ];
    expect(faults(members)).toEqual([]);
  });

  it('reports everything that is wrong, not only the first', () => {
    const found = faults([step('a', { compensate: 'x', timeout: -1 }), undo('unused')], { queue: '' });
    expect(found).toHaveLength(4);
  });

  describe('names', () => {
    it.each([
      ['', 'is the string ""; it must be a string that is not empty'],
      [' ', 'must be a string that is not empty'],
      ['x'.repeat(201), 'has 201 characters; 200 are allowed'],
      ['a\u0000b', 'control characters'],
      ['a\nb', 'control characters'],
      ['\ud800', 'surrogate'],
    ])('refuses %j as the name of a member', (name, message) => {
      const found = faults([{ ...step('a'), name }]);
      expect(found).toEqual([expect.stringContaining(message)]);
      expect(found[0]).toMatch(/^a: name /);
    });

    it('takes 200 characters, and any script', () => {
      expect(
        faults([
          { ...step('a'), name: 'x'.repeat(200) },
          { ...step('b'), name: '名前 / 1.5' },
        ]),
      ).toEqual([]);
    });

    it('refuses one name for two members, compensations included', () => {
      expect(faults([step('a', { compensate: 'b' }), { ...undo('b'), name: 'a' }])).toEqual([
        'b: its name "a" is that of "a" too; give one of the two another `name`',
      ]);
    });
  });

  describe('members', () => {
    it('refuses a workflow with none to run', () => {
      expect(faults([])).toEqual(['-: it has no member to run: write @Step() above a method']);
    });

    it('refuses a member in two arms, and twice in one', () => {
      expect(faults([branch('pick', { a: ['s'], b: ['s'] }), step('s')])).toEqual([
        's: it stands in arm "a" of "pick" and arm "b" of "pick"; a member stands in one place. ' +
          'Write a second method that calls the first',
      ]);
      expect(faults([loop('each', ['s', 's']), step('s')])).toEqual([
        expect.stringMatching(/^s: it stands in the arm of "each" and the arm of "each"/),
      ]);
    });

    it('refuses an arm that holds its own parent, near or far', () => {
      expect(faults([step('x'), loop('each', ['each'])])).toEqual(['each: the arm names "each", which is itself']);
      expect(faults([step('x'), branch('a', { k: ['b'] }), loop('b', ['c']), parallel('c', { p: ['a'] })])).toEqual([
        'a: arm "k" names "b", which holds this member itself',
        'b: the arm names "c", which holds this member itself',
        'c: arm "p" names "a", which holds this member itself',
      ]);
    });

    it('refuses an arm that holds its own parent where nothing else is in the main sequence', () => {
      expect(faults([loop('a', ['b']), loop('b', ['a'])])).toEqual([
        'a: the arm names "b", which holds this member itself',
        'b: the arm names "a", which holds this member itself',
      ]);
    });

    it('refuses keys of arms that are too long, or that no log line could show; an empty one is a key', () => {
      expect(faults([branch('pick', { '': ['s'] }), step('s')])).toEqual([]);
      expect(faults([branch('pick', { ['x'.repeat(201)]: ['s'], 'a\nb': ['t'] }), step('s'), step('t')])).toEqual([
        'pick: the key of an arm has 201 characters; 200 are allowed',
        'pick: the key of an arm is the string "a\\nb"; control characters and halves of surrogate pairs are not allowed',
      ]);
    });

    it('refuses arms of nothing and of no member, with a hint', () => {
      expect(faults([branch('pick', {})])).toEqual(['pick: it has no arms; name at least one']);
      expect(faults([branch('pick', { a: [] })])).toEqual(['pick: arm "a" is empty; name a member']);
      expect(faults([branch('pick', { a: ['exctract'] }), step('extract')])).toEqual([
        'pick: arm "a" names "exctract", which is no member. Did you mean "extract"?',
      ]);
      expect(faults([branch('pick', { a: ['plain'] })], { methods: ['pick', 'plain'] })).toEqual([
        'pick: arm "a" names "plain", which is a method with no decorator; write @Step() above it',
      ]);
      expect(faults([branch('pick', { a: ['u'] }), step('s', { compensate: 'u' }), undo('u')])).toEqual([
        'pick: arm "a" names "u", which is a compensation; it runs only in a rollback. Name a step',
      ]);
    });
  });

  describe('compensations', () => {
    it('refuses one that nobody uses', () => {
      expect(faults([step('s'), undo('u')])).toEqual([
        "u: no step names this compensation; write compensate: 'u' on the step it undoes, or delete it",
      ]);
    });

    it('refuses a name of nothing, of a plain method, and of a step', () => {
      const undoer = step('ok', { compensate: 'refund' });
      expect(faults([undoer, step('s', { compensate: 'refnd' }), undo('refund')])).toEqual([
        's: compensate names "refnd", which is no member. Did you mean "refund"?',
      ]);
      expect(faults([step('s', { compensate: 'plain' })], { methods: ['s', 'plain'] })).toEqual([
        's: compensate names "plain", which is a method with no decorator; write @Compensate() above it',
      ]);
      expect(faults([step('s', { compensate: 't' }), step('t')])).toEqual([
        's: compensate names "t", which is no compensation; put @Compensate() there in place of what it has',
      ]);
    });

    it('refuses compensateWhen with nothing to undo', () => {
      expect(faults([step('s', { compensateWhen: 'started' })])).toEqual([
        's: compensateWhen says when, but compensate names nothing that undoes the step',
      ]);
    });
  });

  describe('jumps', () => {
    it('may go on to themselves, backwards, forwards, and out through branch arms', () => {
      const members = [
        step('start'),
        branch('outer', { a: ['inner'] }),
        branch('inner', { b: ['jump', 'next'] }),
        decision('jump', ['jump', 'next', 'inner', 'outer', 'start', 'end']),
        step('next'),
        step('end'),
      ];
      expect(faults(members)).toEqual([]);
    });

    it('refuse to leave a parallel arm, also through a branch in it', () => {
      const members = [
        step('start'),
        parallel('fan', { a: ['route'], b: ['other'] }),
        branch('route', { x: ['jump'] }),
        decision('jump', ['route', 'start']),
        step('other'),
      ];
      expect(faults(members)).toEqual([
        'jump: goto names "start", which is outside arm "a" of "fan"; a jump never leaves a parallel arm',
      ]);
    });

    it('refuse to leave a loop item', () => {
      expect(faults([step('start'), loop('each', ['jump']), decision('jump', ['start'])])).toEqual([
        'jump: goto names "start", which is outside the arm of "each"; a jump never leaves a loop item',
      ]);
    });

    it('refuse a decision in an arm or item that could only finish, also through a branch; elsewhere it may', () => {
      const found = faults([
        decision('main', []),
        parallel('fan', { a: ['route'] }),
        branch('route', { x: ['ends'] }),
        decision('ends', []),
        loop('each', ['stops']),
        decision('stops', []),
        branch('pick', { x: ['may'] }),
        decision('may', []),
      ]);
      expect(found).toEqual([
        'ends: it declares no goto, so all it could do more than a step is finish(), and finish() never stands in ' +
          'a parallel arm. Declare goto, or write @Step()',
        'stops: it declares no goto, so all it could do more than a step is finish(), and finish() never stands in ' +
          'a loop item. Declare goto, or write @Step()',
      ]);
    });

    it('may stay inside a parallel arm, on its way out of a branch in it', () => {
      const members = [
        parallel('fan', { a: ['first', 'route', 'last'] }),
        step('first'),
        branch('route', { x: ['jump'] }),
        decision('jump', ['first', 'route', 'last', 'jump']),
        step('last'),
      ];
      expect(faults(members)).toEqual([]);
    });

    it('refuse to go into the arm of a branch beside their own, and into a sequence below', () => {
      const members = [
        branch('route', { x: ['jump'], y: ['beside'] }),
        decision('jump', ['beside', 'below']),
        step('beside'),
        branch('next', { z: ['below'] }),
        step('below'),
      ];
      expect(faults(members)).toEqual([
        'jump: goto names "beside", which stands inside arm "y" of "route"; a jump does not go into arms. Jump to "route"',
        'jump: goto names "below", which stands inside arm "z" of "next"; a jump does not go into arms. Jump to "next"',
      ]);
    });

    it('refuse to go into arms, to compensations, and to nothing', () => {
      const members = [
        decision('jump', ['inside', 'undo', 'fna', 'plain']),
        parallel('fan', { a: ['inside'] }),
        step('inside', { compensate: 'undo' }),
        undo('undo'),
      ];
      expect(faults(members, { methods: ['plain'] })).toEqual([
        'jump: goto names "inside", which stands inside arm "a" of "fan"; a jump does not go into arms. Jump to "fan"',
        'jump: goto names "undo", which is a compensation; it runs only in a rollback. Name a step',
        'jump: goto names "fna", which is no member. Did you mean "fan"?',
        'jump: goto names "plain", which is a method with no decorator; write @Step() above it',
      ]);
    });

    it('of a collector are those of the place where it stands', () => {
      expect(faults([step('s'), parallel('fan', { a: ['in'] }, ['s', 'in']), step('in')])).toEqual([
        expect.stringContaining('goto names "in", which stands inside arm "a" of "fan"'),
      ]);
    });
  });

  describe('values', () => {
    const retry = (policy: Partial<RetryPolicy>): Settings => ({ retry: { ...DEFAULT_RETRY, ...policy } });
    /** A member with fields that its type may not allow. */
    const altered = (member: DraftMember, fields: object): DraftMember => ({ ...member, ...fields });
    const wrong = <T>(value: unknown): T => value as T;

    it.each<[string, Settings]>([
      ['timeout', { timeout: -1 }],
      ['timeout', { timeout: 0 }],
      ['timeout', { timeout: 1.5 }],
      ['timeout', { timeout: Number.NaN }],
      ['timeout', { timeout: Number.POSITIVE_INFINITY }],
      ['timeout', { timeout: wrong('5s') }],
      ['timeout', { timeout: Number.MAX_SAFE_INTEGER }],
      ['queue', { queue: '' }],
      ['queue', { queue: 'x'.repeat(201) }],
      ['transactional', { transactional: wrong('yes') }],
      ['retry.maxAttempts', retry({ maxAttempts: 0 })],
      ['retry.maxAttempts', retry({ maxAttempts: 2.5 })],
      ['retry.maxAttempts', retry({ maxAttempts: Number.POSITIVE_INFINITY })],
      ['retry.backoff', retry({ backoff: wrong('quadratic') })],
      ['retry.initialDelay', retry({ initialDelay: -1 })],
      ['retry.initialDelay', retry({ initialDelay: MAX_DURATION + 1 })],
      ['retry.maxDelay', retry({ maxDelay: -1 })],
      ['retry.maxDelay', retry({ maxDelay: MAX_DURATION + 1 })],
      ['retry.factor', retry({ factor: 0.5 })],
      ['retry.factor', retry({ factor: Number.NaN })],
      ['retry.jitter', retry({ jitter: wrong(0.25) })],
    ])('refuses a wrong %s of a step: %j', (option, settings) => {
      expect(faults([step('s', settings)])).toEqual([expect.stringMatching(new RegExp(`^s: ${option} (is|has) `))]);
    });

    it.each<[string, Partial<DraftWorkflow>]>([
      ['name', { name: '' }],
      ['queue', { queue: ' ' }],
      ['priority', { priority: 0.5 }],
      ['priority', { priority: 2 ** 31 }],
      ['timeout', { timeout: -5 }],
      // Nobody could say when it ends.
      ['timeout', { timeout: MAX_DURATION + 1 }],
      ['maxRetries', { maxRetries: -1 }],
      ['maxRetries', { maxRetries: 2 ** 31 }],
      ['maxRecoveries', { maxRecoveries: 1.5 }],
      ['maxRecoveries', { maxRecoveries: 32_001 }],
      ['concurrency.limit', { concurrency: { limit: Number.MAX_SAFE_INTEGER, hold: 'working' } }],
      ['description', { description: 'a\0b' }],
      ['description', { description: '👍'.slice(0, 1) }],
      ['concurrency.limit', { concurrency: { limit: 0, hold: 'run' } }],
      ['concurrency.hold', { concurrency: { limit: 1, hold: wrong('always') } }],
      ['description', { description: wrong(5) }],
    ])('refuses a wrong %s of a workflow: %j', (option, fields) => {
      expect(faults([step('s')], fields)).toEqual([expect.stringMatching(new RegExp(`^-: ${option} is `))]);
    });

    it.each<[string, DraftMember]>([
      ['maxVisits', decision('d', [], 0)],
      ['concurrency', altered(parallel('p', { a: ['s'] }), { concurrency: 0 })],
      ['concurrency', altered(loop('l', ['s']), { concurrency: null })],
      ['onError', altered(loop('l', ['s']), { onError: 'failfast' })],
      ['results', altered(loop('l', ['s']), { results: 'some' })],
    ])('refuses a wrong %s of a fan-out or decision', (option, member) => {
      expect(faults([member, step('s')])).toEqual([expect.stringContaining(`: ${option} is `)]);
    });

    it('takes the least values that make sense', () => {
      const policy = { maxAttempts: 1, initialDelay: 0, maxDelay: 0, factor: 1, jitter: false };
      const fields = {
        priority: -(2 ** 31) + 1,
        maxRetries: 0,
        maxRecoveries: 0,
        concurrency: { limit: 1, hold: 'working' as const },
        timeout: 1,
      };
      expect(faults([step('s', { ...retry(policy), timeout: 1, queue: 'q' })], fields)).toEqual([]);
    });
  });
});

describe('buildDefinition', () => {
  it('takes members of arms out of the main sequence, and says names where the class says methods', () => {
    const named = (member: DraftMember, name: string): DraftMember => ({ ...member, name });
    const tree = buildDefinition(
      draft([
        named(step('inArm', { compensate: 'undo' }), 'in_arm'),
        named(branch('pick', { __proto__x: ['inArm'], default: ['jump'] }), 'choose'),
        decision('jump', ['pick']),
        named(undo('undo'), 'give_back'),
      ]),
    );
    expect(tree.nodes.map(({ name, member }) => [name, member])).toEqual([['choose', 'pick']]);
    expect(tree.nodes[0]).toMatchObject({
      kind: 'branch',
      arms: {
        __proto__x: [{ name: 'in_arm', member: 'inArm', settings: { compensate: 'give_back' } }],
        default: [{ name: 'jump', goto: ['choose'] }],
      },
    });
    expect(tree.compensations).toEqual([
      { name: 'give_back', member: 'undo', retry: DEFAULT_RETRY, timeout: null, transactional: false },
    ]);
    expect(tree).not.toHaveProperty('members');
    expect(tree).not.toHaveProperty('methods');
  });

  it('keeps an arm called __proto__', () => {
    const arms = Object.fromEntries([['__proto__', ['s']]]);
    const [node] = buildDefinition(draft([branch('pick', arms), step('s')])).nodes;
    expect(node?.kind === 'branch' && Object.keys(node.arms)).toEqual(['__proto__']);
  });
});
