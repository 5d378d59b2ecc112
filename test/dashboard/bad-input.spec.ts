import { DurableClient, Step, waitForApproval, waitForEvent, Workflow } from 'nest-durable';
import { DurableDashboardModule, roles } from 'nest-durable/dashboard';
import { readCursor, writeCursor } from '../../lib/dashboard/http/cursor.js';
import { isTimestamp } from '../../lib/dashboard/http/input.js';
import { ROUTES } from '../../lib/dashboard/http/routes.js';
import { createTestDatabase } from '../support/database.js';
import { until } from '../support/until.js';
import { type RunningApp, startApp } from './hosts.js';

@Workflow({ name: 'asks' })
class AsksWorkflow {
  @Step()
  async both() {
    await Promise.all([waitForApproval('ok', { timeout: 3_600_000 }), waitForEvent('paid')]);
    return {};
  }
}

let running: RunningApp;
let id: string;

beforeAll(async () => {
  const { url } = await createTestDatabase();
  const dashboard = DurableDashboardModule.forRoot({ authorize: roles(() => 'admin') });
  running = await startApp({ name: 'express', framework: 'express' }, url, [dashboard], {
    providers: [AsksWorkflow],
    workers: true,
  });
  ({ id } = await running.app.get(DurableClient).start(AsksWorkflow, {}));
  await until(async () => (await get('events')).json.items.length === 1);
});
afterAll(() => running.close());

const get = (path: string) => running.ask(`/api/${path}`);

/** Each list with a cursor that is right for it. */
function lists(): Record<string, readonly [path: string, at: readonly (string | number)[]]> {
  const due = '2026-01-31 12:00:00.123456+00';
  return {
    runs: ['runs', [id, '1700000000000000']],
    steps: [`runs/${id}/steps`, [1, 0, 0]],
    logs: [`runs/${id}/logs`, [1]],
    history: [`runs/${id}/history`, ['1700000000000000', '0']],
    family: [`runs/${id}/family`, [id, '1700000000000000']],
    'inputs asked': ['inputs', [id, 1, '']],
    'inputs timeout': ['inputs?order=timeout', [id, 1, due]],
    'events asked': ['events', [id, 1, '']],
    'events timeout': ['events?order=timeout', [id, 1, due]],
    audit: ['audit', [id]],
  };
}

async function answerTo(list: string, path: string, at: readonly unknown[]): Promise<[number, unknown]> {
  const cursor = writeCursor(list, at as (string | number)[]);
  const { status, json } = await get(`${path}${path.includes('?') ? '&' : '?'}cursor=${cursor}`);
  return [status, json.error?.code];
}

it('takes a cursor of each list in both ways', async () => {
  for (const [list, [path, at]] of Object.entries(lists())) {
    for (const way of ['next', 'prev']) {
      expect([list, way, await answerTo(list, path, [way, ...at])]).toEqual([list, way, [200, undefined]]);
    }
  }
});

it('refuses a cursor in which anything else stands, in each list and at each place', async () => {
  const wrong = ['x', 'a\0b', '99999999-9999-9999-9999-99999999999g', '2026-02-30 12:00:00+00', '2026-02-30T12:00:00.000Z', '-000001-01-01T00:00:00.000Z', 1.5, 2 ** 63, -(2 ** 60), null, true, [], {}, '9'.repeat(20)]; // prettier-ignore
  const refused = [400, 'INVALID_INPUT'];
  for (const [list, [path, at]] of Object.entries(lists())) {
    const cursors: unknown[][] = [[], ['next'], at.slice(), ['next', ...at, 1], ['up', ...at], [null, ...at]];
    for (const place of at.keys()) {
      // The key of a history orders, whatever text it is.
      const texts = list === 'history' && place === 1;
      for (const value of wrong.filter((one) => !texts || typeof one !== 'string' || one.includes('\0')))
        cursors.push(['next', ...at.with(place, value as string)], ['prev', ...at.with(place, value as string)]);
    }
    for (const cursor of cursors)
      expect([list, cursor, await answerTo(list, path, cursor)]).toEqual([list, cursor, refused]);
  }
});

it('writes cursors that it takes: also those of inputs that time out', async () => {
  await running.app.get(DurableClient).start(AsksWorkflow, {});
  await until(async () => (await get('inputs')).json.items.length === 2);
  for (const list of ['inputs', 'events', 'runs', 'audit']) {
    for (const order of list === 'inputs' || list === 'events' ? ['asked', 'timeout'] : [null]) {
      const path = `${list}?limit=1${order === null ? '' : `&order=${order}`}`;
      const { next } = (await get(path)).json;
      if (next === null) continue;
      expect([path, (await get(`${path}&cursor=${next}`)).status]).toEqual([path, 200]);
    }
  }
  const { next } = (await get('inputs?limit=1&order=timeout')).json;
  const [, , , due] = readCursor(
    'inputs timeout',
    next,
    Array.from({ length: 4 }, () => () => true),
  );
  expect([due, isTimestamp(due)]).toEqual([expect.stringContaining(':'), true]);
});

it('answers text that PostgreSQL cannot hold with a 4xx, in each path and parameter', async () => {
  const names = ['q', 'workflow', 'name', 'actor', 'action', 'target', 'step', 'text', 'under', 'path', 'key', 'prefix', 'cron', 'timezone', 'topics', 'since', 'type', 'status', 'cursor', 'executionId']; // prettier-ignore
  for (const { method, path } of ROUTES) {
    if (method !== 'GET') continue;
    const whole = path.replace(':id', id).replace(':seq', '1').replace(':name', 'asks');
    for (const name of names) {
      const { status, json } = await get(`${whole}?${name}=a%00b`);
      expect([whole, name, status, json.error.code]).toEqual([whole, name, 400, 'INVALID_INPUT']);
    }
    if (!path.includes(':')) continue;
    const nul = path.replace(/:\w+/g, 'a%00b');
    expect([nul, (await get(nul)).status]).toEqual([nul, 404]);
  }
});

/** What a body of each act may have besides: enough to come to where the text is used. */
const BODIES: Readonly<Record<string, object>> = {
  runs: { workflow: 'asks', input: {} },
  'bulk/preview': { act: 'cancel' },
  schedules: { workflow: 'asks' },
};

it('answers text that PostgreSQL cannot hold with a 4xx, in each field of each body', async () => {
  const texts = ['a\0b', 'a\ud800b'];
  const fields = ['q', 'act', 'ids', 'token', 'reason', 'step', 'workflow', 'id', 'idempotencyKey', 'queue', 'tags', 'scheduledAt', 'name', 'dedupeKey', 'inputId', 'cron', 'timezone', 'overlap', 'catchUp', 'enabled', 'olderThan', 'concurrency']; // prettier-ignore
  const acts = ROUTES.filter(({ method }) => method !== 'GET');
  expect(acts.length).toBeGreaterThan(15);
  for (const { method, path } of acts) {
    const whole = path.replace(':id', id).replace(':name', 'asks');
    for (const field of fields) {
      for (const text of texts) {
        const body = { ...BODIES[path], [field]: field === 'tags' ? { of: text } : field === 'ids' ? [text] : text };
        const { status } = await running.ask(`/api/${whole}`, { method, body });
        expect([method, path, field, text, status < 500 && status >= 400]).toEqual([method, path, field, text, true]);
      }
    }
  }
});

it('refuses a filter of a bulk act with a NUL in it, wherever it stands', async () => {
  for (const q of ['error:a\0b', 'tag.a\0b:c', 'workflow:"a\0b"', 'schedule:nightly,a\0b', '\0', 'queue:a\ud800']) {
    for (const body of [
      { act: 'cancel', q },
      { act: 'cancel', q, options: {} },
    ]) {
      const { status, json } = await running.ask('/api/bulk/preview', { method: 'POST', body });
      expect([q, status, json.error.code, json.error.violations[0].path]).toEqual([q, 400, 'INVALID_INPUT', 'q']);
    }
  }
  const body = { act: 'cancel', q: 'error:a', options: { reason: 'a\0b' } };
  const { status, json } = await running.ask('/api/bulk/preview', { method: 'POST', body });
  expect([status, json.error.violations[0].path]).toEqual([400, 'options.reason']);
});
