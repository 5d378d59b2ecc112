import type { DashboardAction } from '../actions.js';
import { isUuid } from '../durable.js';
import { type Call, route } from '../http/call.js';
import { RequestError } from '../http/errors.js';
import { anyText } from '../http/input.js';
import { header } from '../http/request.js';

const TOPICS: Readonly<Record<string, DashboardAction>> = {
  runs: 'run.read',
  inputs: 'input.read',
  schedules: 'schedule.read',
  queues: 'queue.read',
};

function actionOf(topic: string): DashboardAction | null {
  if (/^bulk:[\w-]{1,64}$/.test(topic)) return 'run.bulk';
  return Object.hasOwn(TOPICS, topic) ? (TOPICS[topic] ?? null) : null;
}

async function mayAll(call: Call, actions: readonly DashboardAction[]): Promise<boolean> {
  for (const action of actions) if (!(await call.may(action))) return false;
  return true;
}

export const stream = route({
  method: 'GET',
  path: 'stream',
  action: 'any',
  input(read) {
    const run = read.text('run', null, { fits: isUuid, expected: 'the id of a run' });
    const topics = anyText(read, 'topics', 500)?.split(',') ?? [];
    const unknown = topics.find((topic) => actionOf(topic) === null);
    if (unknown !== undefined)
      read.expected('topics', `of ${Object.keys(TOPICS).join(', ')} or bulk:ID, by commas`, unknown);
    if ((run === null) === (topics.length === 0)) read.fault('topics', 'expected either topics or run');
    return { run: run?.toLowerCase() ?? null, topics: new Set(topics), since: anyText(read, 'since', 100) };
  },
  async handle(call, { run, topics, since }) {
    const actions = run === null ? [...topics].flatMap((topic) => actionOf(topic) ?? []) : ['run.read' as const];
    if (!(await mayAll(call, actions)))
      throw new RequestError(403, 'FORBIDDEN', `You may not see this (${actions.join(', ')}).`);
    const { request, actor } = call;
    await call.services.streams.refuseWhereAway();
    return call.services.streams.answer({
      run,
      actor: actor ?? `ip ${request.ip ?? request.peer ?? ''}`,
      after: header(request, 'last-event-id') ?? since,
      wants: ({ topic }) => run !== null || topics.has(topic),
      rights: async () => ((await mayAll(call, actions)) ? (await call.actions()).join(' ') : null),
    });
  },
});
