import { compileWorkflow } from '../../lib/workflows/compiler.js';
import { workflowOptions } from '../../lib/decorators/workflow-options.js';
import { type IdleQueue, IdleQueues, namedQueues } from '../../lib/report/idle-queues.js';
import { LimitedLog } from '../../lib/report/limited-log.js';
import { Branch, ForEach, Parallel, Step, Workflow } from '../../lib/index.js';
import { until } from '../support/until.js';

@Workflow({ name: 'nested', queue: 'outer' })
class NestedWorkflow {
  @Branch({ yes: 'all', default: 'plain' })
  which() {
    return 'yes';
  }

  @Parallel({ one: 'each' })
  all() {}

  @ForEach('send')
  each() {
    return [];
  }

  @Step({ queue: 'smtp' })
  send() {}

  @Step()
  plain() {}
}

const heard: string[] = [];
const log = {
  log: (line: string) => void heard.push(line),
  warn: (line: string) => void heard.push(line),
  error: (line: string) => void heard.push(line),
};

beforeEach(() => heard.splice(0));

it('queues of steps are found however deep they stand', () => {
  const { compiled } = compileWorkflow(NestedWorkflow, workflowOptions(NestedWorkflow) ?? {});
  if (compiled === undefined) throw new Error('It does not compile');
  expect([...namedQueues([{ definition: compiled.definition, schedules: [] }])]).toEqual([
    ['outer', ['workflow "nested"']],
    ['smtp', ['step "send" of "nested"']],
  ]);
});

it('what is named is said once; what has runs ready is said at each look until somebody works there', async () => {
  let looks = 0;
  let idle: readonly IdleQueue[] = [
    { queue: 'named', ready: false },
    { queue: 'of a run', ready: true },
  ];
  const { loop } = new IdleQueues({
    find: async () => {
      looks++;
      return idle;
    },
    named: new Map([['named', ['workflow "w"', 'schedule "s"']]]),
    own: ['default'],
    log,
    onTrouble: (message) => void heard.push(message),
    interval: 1,
  });
  loop.start();
  await until(() => looks > 3);
  idle = [];
  const emptied = looks;
  await until(() => looks > emptied + 1);
  const said = heard.length;
  await until(() => looks > emptied + 3);
  await loop.stop();
  expect(heard).toHaveLength(said);
  const named = heard.filter((line) => line.includes('"named"'));
  expect(named).toEqual([
    'No live process works on queue "named", which workflow "w" and schedule "s" name. Its runs would wait. ' +
      'Start a process with the option queues: { named: { concurrency: 10 } }.',
  ]);
  const ofRun = heard.filter((line) => !named.includes(line));
  expect(new Set(ofRun)).toEqual(
    new Set([
      'No live process works on queue "of a run". Runs are ready there and wait. ' +
        "Start a process with the option queues: { 'of a run': { concurrency: 10 } }.",
    ]),
  );
  expect(ofRun.length).toBeGreaterThanOrEqual(3);
});

it('a look that fails is told of, and made again', async () => {
  let looks = 0;
  const { loop } = new IdleQueues({
    find: async () => {
      looks++;
      throw new Error('no connection');
    },
    named: new Map(),
    own: [],
    log,
    onTrouble: (message) => void heard.push(message),
    interval: 1,
  });
  loop.start();
  await until(() => looks > 2);
  await loop.stop();
  expect(heard).toEqual(['The look for queues without workers failed; retrying: no connection']);
});

it('what is left out is counted, also when the module is closed before the second is over', () => {
  const limited = new LimitedLog(log);
  for (let n = 1; n <= 23; n++) limited.error(`line ${n}`);
  expect(heard).toHaveLength(20);
  limited.close();
  expect(heard.slice(20)).toEqual(['3 lines left out']);
  limited.close();
  expect(heard).toHaveLength(21);
});
