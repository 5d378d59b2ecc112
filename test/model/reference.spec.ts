import { compileWorkflow } from '../../lib/workflows/compiler.js';
import { workflowOptions } from '../../lib/decorators/workflow-options.js';
import { classOf } from './plan-class.js';
import { planOf } from './plan-generator.js';
import { armsOf, membersOf, type Act, type NodePlan, type Plan } from './plan.js';
import { expectedRound, TooMuch, type ExpectedRound } from './reference.js';

const act = (changes: Partial<Act> = {}): Act => ({
  fails: 0,
  fatal: false,
  firstRoundOnly: false,
  maxAttempts: 1,
  delay: 0,
  ticks: 0,
  returns: 'added',
  ...changes,
});
const broken = act({ fails: Number.POSITIVE_INFINITY });
const step = (name: string, what = act()): NodePlan => ({ kind: 'step', name, act: what, undo: null });
const plan = (nodes: NodePlan[]): Plan => ({ seed: 0, name: 'p', input: {}, maxRetries: 0, nodes, undos: [] });
const told = (nodes: NodePlan[]): ExpectedRound => expectedRound(plan(nodes), 1);
const recordsOf = ({ records }: ExpectedRound): string[] =>
  records.map(
    ({ path, occurrence, attempt, status, certain }) =>
      `${path} ${occurrence}.${attempt} ${status}${certain ? '' : '?'}`,
  );

describe('the reference model', () => {
  it('takes data from step to step, and attempts again', () => {
    const round = told([step('a'), step('b', act({ fails: 1, maxAttempts: 2, returns: 'nothing' })), step('c')]);
    expect(recordsOf(round)).toEqual(['a 1.1 completed', 'b 1.1 failed', 'b 1.2 completed', 'c 1.1 completed']);
    expect(round.end).toEqual({ status: 'completed', data: { a: 1, c: 1 } });
  });

  it('jumps backwards as often as it is told, out of a branch', () => {
    const round = told([
      step('a'),
      {
        kind: 'branch',
        name: 'pick',
        act: act({ returns: 'nothing' }),
        values: [true],
        arms: {
          true: [
            {
              kind: 'decision',
              name: 'again',
              act: act(),
              undo: null,
              maxVisits: 9,
              jump: { to: 'a', times: 1, end: 'finish' },
            },
          ],
        },
      },
      step('never'),
    ]);
    expect(recordsOf(round)).toEqual([
      'a 1.1 completed',
      'pick 1.1 completed',
      'pick.true/again 1.1 completed',
      'a 2.1 completed',
      'pick 2.1 completed',
      'pick.true/again 2.1 completed',
    ]);
    expect(round.end).toEqual({ status: 'completed', data: { a: 2, $again: 'finished' } });
  });

  const arms = (onError: 'failFast' | 'completeAll'): NodePlan[] => [
    {
      kind: 'parallel',
      name: 'fan',
      act: act({ returns: 'nothing' }),
      arms: { x: [step('x1'), step('x2')], y: [step('y1', broken), step('y2')] },
      onError,
      concurrency: null,
      jump: null,
    },
  ];

  it('leaves open how far the others get when an arm fails the fan-out', () => {
    const round = told(arms('failFast'));
    expect(recordsOf(round)).toEqual(['fan.x/x1 1.1 completed?', 'fan.x/x2 1.1 completed?', 'fan.y/y1 1.1 failed']);
    expect(round.end.status).toBe('failed');
  });

  it('has all arms end, and the collector get all, with completeAll', () => {
    const round = told(arms('completeAll'));
    expect(recordsOf(round)).toEqual([
      'fan.x/x1 1.1 completed',
      'fan.x/x2 1.1 completed',
      'fan.y/y1 1.1 failed',
      'fan 1.1 completed',
    ]);
    expect(round.end).toMatchObject({
      status: 'completed',
      data: { __results__: { x: { status: 'fulfilled', value: { x1: 1, x2: 1 } }, y: { status: 'rejected' } } },
    });
  });

  it('runs the arm of a loop for each item, whatever it is', () => {
    const round = told([
      {
        kind: 'forEach',
        name: 'each',
        act: act({ returns: 'nothing' }),
        arm: [step('one')],
        items: ['a', null],
        onError: 'failFast',
        concurrency: 1,
        results: 'all',
      },
    ]);
    expect(recordsOf(round)).toEqual(['each 1.1 completed', 'each[0]/one 1.1 completed', 'each[1]/one 1.1 completed']);
    expect(round.records[1]).toMatchObject({ data: 'a', second: { index: 0, data: {} } });
    expect(round.end).toMatchObject({
      data: { __results__: [{ value: { was: 'a', one: 1 } }, { value: { was: null } }] },
    });
  });
});

describe('random plans', () => {
  const plans = Array.from({ length: 1_000 }, (_, index) => planOf(index + 1));

  it('are workflows that pass every check', () => {
    for (const one of plans.slice(0, 300)) {
      const type = classOf(one, { begin: () => Promise.resolve(1) });
      const { faults, compiled } = compileWorkflow(type, workflowOptions(type) ?? {});
      expect(faults ?? []).toEqual([]);
      expect(compiled?.definition.nodes.map(({ name }) => name)).toEqual(one.nodes.map(({ name }) => name));
    }
  });

  it('are of every kind, nested deep, and end in every way', () => {
    const seen = new Map<string, number>();
    const see = (what: string): void => void seen.set(what, (seen.get(what) ?? 0) + 1);
    for (const one of plans) {
      for (const node of membersOf(one.nodes)) {
        see(node.kind);
        if ('onError' in node) see(node.onError);
        if ('jump' in node && node.jump !== null) see(`${node.kind} jumps`);
        if ('undo' in node && node.undo !== null) see(`undone when ${node.undo.when}`);
      }
      see(`depth ${Math.min(depthOf(one.nodes), 4)}`);
      if (one.maxRetries > 0) see('rounds');
      try {
        const { end, records } = expectedRound(one, 1);
        see(end.status);
        if (records.some(({ occurrence }) => occurrence > 1)) see('visited again');
        if (records.some(({ certain }) => !certain)) see('left open');
        if (records.some(({ attempt }) => attempt > 1)) see('attempted again');
      } catch (error) {
        if (!(error instanceof TooMuch)) throw error;
        see('too much');
      }
    }
    const often = ['step', 'decision', 'branch', 'parallel', 'forEach', 'failFast', 'completeAll', 'decision jumps'];
    const some = [
      'parallel jumps', 'undone when started', 'undone when completed', 'depth 3', 'depth 4', 'rounds', 'completed',
      'failed', 'visited again', 'left open', 'attempted again',
    ]; // prettier-ignore
    for (const what of often) expect([what, (seen.get(what) ?? 0) > 300]).toEqual([what, true]);
    for (const what of some) expect([what, (seen.get(what) ?? 0) > 50]).toEqual([what, true]);
    expect(seen.get('too much') ?? 0).toBeLessThan(100);
  });
});

function depthOf(nodes: readonly NodePlan[]): number {
  return 1 + Math.max(0, ...nodes.flatMap((node) => armsOf(node).map(([, arm]) => depthOf(arm))));
}
