import { DurableClient, Step, waitForApproval, Workflow } from 'nest-durable';
import { DurableDashboardModule, roles } from 'nest-durable/dashboard';
import { ROUTES } from '../../lib/dashboard/http/routes.js';
import { createTestDatabase } from '../support/database.js';
import { until } from '../support/until.js';
import { type RunningApp, startApp } from './hosts.js';

@Workflow({ name: 'asks' })
class AsksWorkflow {
  @Step()
  async ask() {
    return { answer: await waitForApproval('ok') };
  }
}

/** A preview is no act: it changes nothing, whoever asks for it. */
const ACTS = ROUTES.filter(({ method, silent }) => method !== 'GET' && silent !== true);
/** A row for each would be too many for a minute: each kind of refusal has an app of its own. */
const KINDS: readonly {
  why: string;
  code: string;
  status: number;
  outcome: string;
  headers: Record<string, string>;
  body: object;
}[] = [
  {
    why: 'by whoever may not',
    code: 'FORBIDDEN',
    status: 403,
    outcome: 'refused',
    headers: { 'x-role': 'viewer' },
    body: {},
  },
  {
    why: 'of another site',
    code: 'CSRF',
    status: 403,
    outcome: 'refused',
    headers: { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' },
    body: {},
  },
  { why: 'with a key that there is not', code: 'INVALID_INPUT', status: 400, outcome: 'failed', headers: {}, body: { $no: 1 } }, // prettier-ignore
  { why: 'where it only reads', code: 'READ_ONLY', status: 403, outcome: 'refused', headers: {}, body: {} },
];

describe.each(KINDS)('each act $why', ({ code, status, outcome, headers, body }) => {
  let running: RunningApp;
  let id: string;

  beforeAll(async () => {
    const { url } = await createTestDatabase();
    const authorize = roles((request: { headers: Record<string, string> }) => request.headers['x-role'] ?? 'admin');
    const dashboard = DurableDashboardModule.forRoot({ authorize, readOnly: code === 'READ_ONLY' });
    running = await startApp({ name: 'express', framework: 'express' }, url, [dashboard], {
      providers: [AsksWorkflow],
      workers: true,
    });
    ({ id } = await running.app.get(DurableClient).start(AsksWorkflow, {}));
    await until(async () => (await running.app.get(DurableClient).getExecution(id))?.status === 'waiting');
  });
  afterAll(() => running.close());

  const rows = async () => (await running.ask('/api/audit?limit=200')).json.items;

  it(`is refused with ${code}, is one row, and does nothing`, async () => {
    const client = running.app.get(DurableClient);
    const queues = (await running.ask('/api/queues')).text;
    expect(ACTS.length).toBeGreaterThan(20);
    for (const [n, { method, path, action }] of ACTS.entries()) {
      const whole = path.replace(':id', id).replace(':name', 'asks');
      const { status: got, json } = await running.ask(`/api/${whole}`, { method, body, headers });
      expect([method, path, got, json?.error.code]).toEqual([method, path, status, code]);
      const [last, ...before] = await rows();
      expect([method, path, last.action, last.outcome, last.code, before.length]).toEqual([method, path, action, outcome, code, n]); // prettier-ignore
    }
    const run = await client.getExecution(id);
    expect([run?.status, run?.pauseRequested, await client.countExecutions()]).toEqual(['waiting', false, 1]);
    expect((await client.listPendingInputs({ executionId: id })).map(({ status: is }) => is)).toEqual(['pending']);
    expect(await client.listSchedules()).toEqual([]);
    expect((await running.ask('/api/queues')).text).toBe(queues);
  });
});
