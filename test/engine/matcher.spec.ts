import { EventMatcher } from '../../lib/engine/worker/matcher.js';
import type { MatchedEvents, WokenRun } from '../../lib/engine/ports/store.js';

const HOUR = 3_600_000;

describe('the matcher of events', () => {
  it('looks when it is poked, and again at once while there is more, or soon where a run was locked', async () => {
    const run: WokenRun = { runId: 'r', queue: 'default', paused: false, state: 'ready' };
    const answers: MatchedEvents[] = [
      { woken: [run], left: 'more' },
      { woken: [], left: 'locked' },
      { woken: [run], left: 'none' },
    ];
    const woken: WokenRun[] = [];
    const limits: number[] = [];
    let finish: () => void = () => {};
    const finished = new Promise<void>((resolve) => (finish = resolve));
    const store = {
      matchEvents: async (limit: number): Promise<MatchedEvents> => {
        limits.push(limit);
        const answer = answers.shift() ?? { woken: [], left: 'none' };
        if (answers.length === 0) finish();
        return answer;
      },
    };
    // The interval is an hour: what comes sooner was asked for.
    const matcher = new EventMatcher(
      store,
      { wakeInterval: HOUR, wakeBatchSize: 7 },
      (runs) => woken.push(...runs),
      () => {},
    );
    matcher.start();
    await finished;
    await matcher.poke();
    await matcher.stop();
    expect(woken).toEqual([run, run]);
    expect(limits).toEqual([7, 7, 7, 7]);
  });

  it('tells of a failure and goes on', async () => {
    const told: string[] = [];
    let fails = true;
    const store = {
      matchEvents: async (): Promise<MatchedEvents> => {
        if (fails) throw new Error('down');
        return { woken: [], left: 'none' };
      },
    };
    const matcher = new EventMatcher(
      store,
      { wakeInterval: HOUR, wakeBatchSize: 1 },
      () => {},
      (message) => told.push(message),
    );
    matcher.start();
    await matcher.poke();
    fails = false;
    await matcher.poke();
    await matcher.stop();
    expect(told).toEqual([expect.stringContaining('down')]);
  });
});
