import { at, definitions, HOSTILE, NOW, run, runs } from './fake-shop.js';

const S = 1000;
const MIN = 60 * S;
const H = 60 * MIN;
const D = 24 * H;
const later = (ms: number): string => new Date(NOW + ms).toISOString();
const wave = (i: number): number => Math.round(900 + 500 * Math.sin((i / 96) * Math.PI * 2 - 1) + ((i * 53) % 60));

const expense = runs.find(({ id }) => id.startsWith('019a8ef0'))?.id ?? '';

const input = (
  id: string,
  name: string,
  workflow: string,
  type: string,
  prompt: string,
  timeout: number | null,
  more: Record<string, unknown> = {},
): Record<string, unknown> => ({
  id,
  executionId: runs.find((one) => one.workflow === workflow)?.id ?? expense,
  workflow,
  step: name,
  name,
  type,
  prompt,
  metadata: null,
  fields: null,
  choices: null,
  status: 'pending',
  timeoutAt: timeout === null ? null : later(timeout),
  createdAt: at(22 * MIN),
  closedAt: null,
  response: null,
  ...more,
});

export const inputs = (): Record<string, unknown>[] => [
  input(
    'i-release',
    'release',
    'payouts',
    'approval',
    'Release batch 88 to the bank?\n412 payouts, 318 204.10 € in all. Three are above the limit of 20 000 €.',
    38 * MIN,
    {
      metadata: {
        batch: 88,
        payouts: 412,
        total: '318 204.10 €',
        above_limit: ['Fjord Outdoor 41 200.00 €', 'Kiln & Co 28 900.00 €', 'North Trail 22 412.50 €'],
        ledger: 'https://ledger.acme.example/88',
      },
    },
  ),
  input('i-carrier', 'carrier', 'shipment', 'single_choice', 'Which carrier takes o-88124?', 4 * H, {
    choices: [
      { value: 'dhl', label: 'DHL' },
      { value: 'ups', label: 'UPS' },
      { value: 'gls', label: 'GLS' },
    ],
  }),
  input('i-approve', 'approve', 'expense_approval', 'approval', 'Approve 1 240.50 € for Ann Berg?', 21 * H + 48 * MIN, {
    executionId: expense,
    metadata: {
      trip: 'Oslo, 18 to 20 Nov',
      hotel: '864.00 €',
      meals: '211.50 €',
      taxi: '165.00 €',
      receipts: 'https://expenses.acme.example/e-4410',
    },
  }),
  input('i-jon', 'approve', 'expense_approval', 'approval', 'Approve 96.00 € for Jon Vik?', 22 * H),
  input(
    'i-details',
    'supplier_details',
    'onboarding',
    'form',
    'Complete the details of Kiln & Co\nThe register has no VAT number for this company. Ask the supplier, or look it up, before the first order goes out on Tuesday.',
    2 * D,
    {
      createdAt: at(2 * D + 4 * H),
      metadata: { supplier: 'Kiln & Co ApS, Aarhus', since: '24 Nov 2026' },
      fields: [
        { name: 'legalName', type: 'text', label: 'Legal name', required: true },
        { name: 'vat', type: 'text', label: 'VAT number', required: true },
        {
          name: 'terms',
          type: 'select',
          label: 'Payment terms',
          required: true,
          options: [
            { value: 30, label: '30 days net' },
            { value: 14, label: '14 days net' },
          ],
        },
        { name: 'first', type: 'date', label: 'First delivery' },
        { name: 'limit', type: 'number', label: 'Credit limit' },
        { name: 'welcome', type: 'boolean', label: 'Send the welcome mail' },
      ],
    },
  ),
  input('i-clauses', 'clauses', 'document', 'multi_choice', 'Which clauses apply to contract C-118?', 5 * D, {
    choices: [
      { value: 1, label: 'Penalty' },
      { value: 2, label: 'Exclusivity' },
    ],
  }),
  input('i-damage', 'damage', 'shipment', 'free_text', 'Describe the damage of parcel 7712', 6 * D),
  input('i-hostile', 'reason', 'process_order', 'free_text', `${HOSTILE}\n${HOSTILE}`, null, {
    metadata: { [HOSTILE]: HOSTILE, list: [HOSTILE], deep: { x: HOSTILE } },
  }),
];

export const events = (): Record<string, unknown>[] =>
  ['packed', 'parcel_delivered', 'contract_signed'].map((eventName, i) => ({
    id: `w-${eventName}`,
    executionId: (i === 0 ? runs[13] : runs[12])?.id,
    workflow: i === 0 ? 'shipment' : 'trip_booking',
    step: 'hand_over',
    eventName,
    status: 'pending',
    timeoutAt: i === 2 ? null : later((i + 3) * D),
    createdAt: at((i + 1) * 7 * H),
  }));

export function queues(): Record<string, unknown>[] {
  const queue = (
    name: string,
    ready: number,
    running: number,
    most: number | null,
    lag: number,
    more: Record<string, unknown> = {},
  ): Record<string, unknown> => ({
    name,
    paused: false,
    pausedAt: null,
    globalConcurrency: most,
    rateLimit: null,
    priorityAgeing: null,
    workers: 4,
    running,
    pending: ready,
    ready,
    limited: 0,
    waiting: 0,
    scheduled: 0,
    pausedRuns: 0,
    lag,
    ...more,
  });
  return [
    queue('ai', 1240, 20, 20, 12 * MIN + 4 * S, {
      waiting: 31,
      rateLimit: { limit: 100, period: 60_000, counts: 'runs' },
    }),
    queue('default', 32, 17, 40, 40, { limited: 4, waiting: 1702, scheduled: 12 }),
    queue('payments', 0, 3, 10, 0),
    queue('reports', 6, 0, 4, 8 * H, { paused: true, pausedAt: at(8 * H), waiting: 2, scheduled: 1 }),
    queue('warehouse', 0, 1, 10, 0, { waiting: 141 }),
  ];
}

export function workers(): Record<string, unknown>[] {
  return [18, 16, 6, 1].map((held, i) => ({
    id: i + 1,
    host: `worker-eu-${i + 1}`,
    pid: 4182 + i * 8,
    version: i === 3 ? '1.3.2' : '1.4.0',
    queues: ['default', 'ai'],
    workflows: Object.keys(definitions),
    alive: true,
    held,
    inFlight: Array.from({ length: Math.min(held, 18) }, (_, n) => ({
      executionId: runs[n % runs.length]?.id,
      step: 'charge',
      path: ['charge', 'summarise', 'ship'][n % 3],
      attempt: 1 + (n % 2),
      startedAt: at(1400 + n * 900),
    })),
    startedAt: at(36 * H),
    seenAt: at((i + 1) * 1500),
    expiresAt: later(10 * S),
    capacity: { default: 20, ai: 10 },
    listening: i !== 2,
    behind: i === 3 ? ['process_order', 'trip_booking'] : [],
  }));
}

const failure = (
  workflow: string,
  step: string,
  error: string,
  n: number,
  ago: number,
  i: number,
): Record<string, unknown> => ({
  workflow,
  step,
  error,
  message: 'The gateway answered 503',
  n,
  lastAt: at(ago),
  spark: Array.from({ length: 15 }, (_, k) => (i === 0 ? (k > 11 ? 60 + k : 0) : (k * (i + 3) * 7) % 5)),
});

export function overview(): Record<string, unknown> {
  const bucket = (i: number): string => at(24 * H - i * 15 * MIN);
  return {
    problems: [
      {
        kind: 'failures',
        state: 'bad',
        title: '`charge` in `process_order` fails with `PaymentGatewayError`',
        detail: '38 % of those that ended. “The gateway answered 503 Service Unavailable”. Last one 4 s ago.',
        since: at(25 * MIN),
        n: 214,
        spark: Array.from({ length: 28 }, (_, i) => (i > 20 ? 20 + ((i * 13) % 17) : i % 9 === 0 ? 1 : 0)),
        target: {
          q: 'status:failed,compensated workflow:process_order error:PaymentGatewayError since:24h',
          queue: 'payments',
        },
      },
      {
        kind: 'schedule',
        state: 'bad',
        title: '`daily_report` was switched off: 10 of its starts failed in a row',
        detail: 'Since 07:00 yesterday. `WorkflowNotFoundError`: no process has the workflow `sales_report`.',
        since: at(20 * H),
        n: 10,
        spark: null,
        target: { schedule: 'daily_report' },
      },
      {
        kind: 'queue',
        state: 'warn',
        title: 'Queue `ai` is full: 1 240 runs are ready, the oldest for 12 min',
        detail: '20 of 20 places are held by 2 workers. At this rate it is empty in about 48 min.',
        since: at(12 * MIN),
        n: 1240,
        spark: Array.from({ length: 28 }, (_, i) => 3 + (i * i) / 40),
        target: { queue: 'ai' },
      },
      {
        kind: 'polling',
        state: 'warn',
        title: '1 of 4 workers finds work by polling',
        detail: '`worker-eu-3` gets no notifications since 01:12. Runs there start up to 1 s late.',
        since: at(54 * MIN),
        n: 1,
        spark: null,
        target: { worker: 3 },
      },
    ],
    figures: {
      started: { now: 61_402, before: 59_040 },
      completed: { now: 60_871, before: 58_900 },
      failed: { now: 541, before: 60 },
      p50: { now: 1200, before: 1100 },
      p95: { now: 8400, before: 4100 },
      delay50: { now: 18, before: 17 },
      delay95: { now: 240, before: 200 },
      unfinished: { total: 3187, running: 41, waiting: 1874, due: 1272, paused: 3 },
      inputs: 12,
      lastFailureAt: at(4 * S),
    },
    series: Array.from({ length: 96 }, (_, i) => ({
      at: bucket(i),
      completed: wave(i),
      failed: i > 93 ? 90 + i : i % 11 === 4 ? 3 : 0,
      other: 0,
    })),
    latency: Array.from({ length: 96 }, (_, i) => ({
      at: bucket(i),
      p50: 900 + ((i * 31) % 300),
      p95: i > 93 ? 41_000 : 7000 + ((i * 97) % 2000),
      delay50: 18,
      delay95: 240,
    })),
    failures: [
      failure('process_order', 'charge', 'PaymentGatewayError', 412, 4 * S, 0),
      failure('expense_approval', 'approve', 'WaitTimeoutError', 61, 22 * MIN, 1),
      failure('invoice_import', 'parse', 'InvalidInputError', 38, 2 * H, 2),
      failure('document', 'summarise', 'StepTimeoutError', 19, 41 * MIN, 3),
      failure('order_pipeline', 'ship', 'ChildWorkflowError', 11, 5 * H, 4),
    ],
    queues: queues(),
    oldestWaits: [
      {
        kind: 'input',
        name: 'approve',
        runId: expense,
        workflow: 'expense_approval',
        since: at(6 * D + 2 * H),
        timeoutAt: later(21 * H),
      },
      {
        kind: 'event',
        name: 'parcel_delivered',
        runId: runs[13]?.id,
        workflow: 'shipment',
        since: at(4 * D + 9 * H),
        timeoutAt: later(14 * H),
      },
      {
        kind: 'input',
        name: 'supplier_details',
        runId: runs[14]?.id,
        workflow: 'onboarding',
        since: at(3 * D + 4 * H),
        timeoutAt: null,
      },
      {
        kind: 'child',
        name: 'shipment',
        runId: runs[20]?.id,
        workflow: 'order_pipeline',
        since: at(37 * H),
        timeoutAt: later(3 * D),
      },
    ],
    workers: workers(),
    asOf: new Date(NOW).toISOString(),
  };
}

export function workflows(): Record<string, unknown>[] {
  return Object.values(definitions).map((graph, i) => ({
    name: graph.name,
    description: graph.description,
    queue: graph.queue,
    version: [31, 12, 4, 7, 2, 18, 9, 3, 5][i],
    firstSeen: at(40 * D),
    lastSeen: at(2 * S),
    graph,
    mermaid: 'flowchart TD',
    totals: {
      pending: 12,
      running: 18,
      waiting: 37,
      paused: 0,
      completed: 38_000,
      failed: 412,
      cancelled: 3,
      compensating: 0,
      compensated: 9,
      compensation_failed: 0,
    },
    lastRun: runs.find(({ workflow }) => workflow === graph.name) ?? null,
    succeeded: [0.989, 0.971, 0.996, 0.992, 1, 0.964, 0.999, 1, null][i],
    p50: [1100, 14_000, 51 * H, 28 * H, 3000, 31_000, 11 * MIN, 9000, null][i],
    p95: [8600, 40_000, 70 * H, 40 * H, 9000, 60_000, 20 * MIN, 20_000, null][i],
    perMinute: 26.5 / (i + 1),
    unfinished: [212, 18, 61, 188, 141, 1271, 3, 2, 40][i],
    inputSchema:
      i === 0
        ? {
            type: 'object',
            required: ['orderId', 'amount', 'currency'],
            properties: {
              orderId: { type: 'string' },
              amount: { type: 'number', description: 'cents' },
              currency: { enum: ['EUR', 'USD'] },
              gift: { type: 'boolean' },
            },
          }
        : null,
    versions: [
      { version: 31, firstSeen: at(2 * D), lastSeen: at(2 * S), workers: 3, unfinished: 205 },
      { version: 30, firstSeen: at(4 * D), lastSeen: at(2 * D), workers: 1, unfinished: 7 },
      { version: 28, firstSeen: at(9 * D), lastSeen: at(5 * D), workers: 0, unfinished: 1 },
    ],
    steps: graph.nodes.map((node, n) => ({
      path: node.name,
      p50: [21, 290, 2000, 180][n % 4],
      failRate: graph.name === 'process_order' && node.name === 'charge' ? 0.38 : 0,
    })),
    series: Array.from({ length: 48 }, (_, k) => ({
      at: at((48 - k) * 30 * MIN),
      completed: Math.round(wave(k * 2) / (i + 1)),
      failed: i === 0 && k > 45 ? 200 : 0,
    })),
    durations: Array.from({ length: 28 }, (_, k) => ({
      ms: Math.round(50 * 1.28 ** k),
      n: Math.round(900 * Math.exp(-((k - 9) ** 2) / 12) + (k > 18 && k < 24 ? 60 : 2)),
    })),
  }));
}

export function schedules(): Record<string, unknown>[] {
  const ran = (status: string, n: number): unknown[] =>
    Array.from({ length: n }, (_, i) =>
      run(
        'process_order',
        `019b${1000 + i}`,
        i === 3 ? 'failed' : status,
        { text: '' },
        { createdAt: at((i + 1) * D) },
      ),
    );
  const schedule = (
    name: string,
    workflow: string,
    cron: string,
    words: string,
    timezone: string,
    next: number | null,
    more: Record<string, unknown> = {},
  ): Record<string, unknown> => ({
    name,
    workflow,
    cron,
    words,
    timezone,
    input: { region: 'emea' },
    queue: 'default',
    enabled: next !== null,
    overlap: 'skip',
    catchUp: 'latest',
    catchUpWindow: D,
    catchUpLimit: 100,
    nextRunAt: next === null ? null : later(next),
    lastRunAt: at(36 * MIN),
    lastError: null,
    lastErrorAt: null,
    consecutiveFailures: 0,
    autoDisabledAt: null,
    removedAt: null,
    next: [1, 2, 3, 4, 5].map((n) => later(n * D)),
    overridden: [],
    fromCode: true,
    runs: ran('completed', 12),
    ...more,
  });
  return [
    schedule('daily_report', 'sales_report', '0 7 * * MON-FRI', 'At 07:00 on weekdays', 'Europe/Berlin', null, {
      consecutiveFailures: 10,
      autoDisabledAt: at(20 * H),
      lastErrorAt: at(20 * H),
      lastError: {
        name: 'WorkflowNotFoundError',
        message: 'No process has the workflow sales_report. Did you mean sale_report?',
      },
      queue: 'reports',
      overridden: ['queue'],
    }),
    schedule(
      'weekly_expenses',
      'expense_approval',
      '54 0 * * FRI',
      'At 00:54 on Friday',
      'Europe/Oslo',
      5 * D + 21 * H,
    ),
    schedule('nightly_sync', 'process_order', '30 2 * * *', 'At 02:30 every day', 'Europe/Berlin', 23 * H + 24 * MIN),
    schedule('stock_check', 'process_order', '*/5 * * * *', 'Every 5 minutes', 'UTC', 3 * MIN + 36 * S, {
      fromCode: false,
    }),
    schedule('token_refresh', 'document', '*/30 * * * * *', 'Every 30 seconds', 'UTC', 6 * S),
    schedule('black_friday', 'campaign', '0 6 27 11 *', 'At 06:00 on 27 November', 'Europe/Berlin', null, {
      runs: [],
      lastRunAt: null,
    }),
  ];
}

export function doctor(): Record<string, unknown> {
  const check = (id: string, state: string, text: string, mend: string | null = null): Record<string, unknown> => ({
    id,
    state,
    text,
    mend,
  });
  return {
    checks: [
      check(
        'notifications',
        'warn',
        '`worker-eu-3` finds work by polling since 01:12',
        'Its listening connection goes through a pooler in transaction mode, or is cut by a firewall. Give `database.url` a direct address; runs there start up to 1 s late meanwhile.',
      ),
      check(
        'transaction',
        'warn',
        'A transaction is open for 12 min',
        'Session 20713, `reporting`, idle. Dead rows of `workflow_queue` cannot be cleaned while it lives: 41 000 by now.',
      ),
      check('migrations', 'ok', 'Tables are those of this version', '2 of 2 migrations'),
      check('claimable', 'ok', 'Every unfinished run can be claimed by a live worker', '3 187 runs, 14 definitions'),
      check('clock', 'ok', 'Clocks agree within 12 ms', 'of 4 workers with the database'),
      check('autovacuum', 'ok', 'Autovacuum came to `workflow_queue` 2 min ago', '41 000 dead of 44 187 rows'),
      check(
        'retention',
        'ok',
        'Finished runs are deleted after 30 and 90 days',
        'the oldest one is of 29 Oct; last pass 40 s ago',
      ),
    ],
    migrations: { current: 2, latest: 2, pending: [] },
    tables: [
      { name: 'step_executions', rows: 8_100_000, bytes: 3_400_000_000 },
      { name: 'workflow_executions', rows: 1_040_000, bytes: 803_000_000 },
      { name: 'events', rows: 212_000, bytes: 96_000_000 },
      { name: 'waits', rows: 184_000, bytes: 71_000_000 },
      { name: 'workflow_queue', rows: 3187, bytes: 14_000_000 },
      { name: 'audit', rows: 1912, bytes: 1_000_000 },
    ],
    database: { version: '18.1', schema: 'durable' },
  };
}

export function audit(): Record<string, unknown>[] {
  const row = (
    n: number,
    actor: string,
    action: string,
    targetKind: string,
    targetId: string,
    outcome = 'done',
    more: Record<string, unknown> = {},
  ): Record<string, unknown> => ({
    id: `a-${n}`,
    at: at(n * 17 * MIN),
    actor,
    action,
    targetKind,
    targetId,
    outcome,
    code: null,
    details: null,
    ip: '10.0.0.7',
    ...more,
  });
  return [
    row(1, 'mara@acme.example', 'run.bulk', 'run', 'retry', 'done', {
      details: { act: 'retry', n: 206, reason: 'gateway is back, INC-2291' },
    }),
    row(2, 'jon@acme.example', 'input.answer', 'run', runs[14]?.id ?? '', 'done', { details: { input: 'release' } }),
    row(3, 'mara@acme.example', 'run.resume', 'run', expense),
    row(4, 'eve@acme.example', 'queue.drain', 'queue', 'payments', 'refused', { code: 'FORBIDDEN' }),
    row(5, 'cli:deploy@ci-4', 'queue.pause', 'queue', 'reports'),
    row(6, HOSTILE, 'run.cancel', 'run', HOSTILE, 'failed', { code: HOSTILE, details: { reason: HOSTILE } }),
  ];
}

export function history(id: string): Record<string, unknown>[] {
  if (!id.startsWith('019a8ef0') && !id.startsWith('019a7f4e'))
    return [
      { at: at(40 * MIN), kind: 'started', by: 'by a client' },
      { at: at(39 * MIN), kind: 'completed' },
    ];
  if (id.startsWith('019a7f4e')) {
    const t = NOW - (37 * H + 4 * MIN + 13 * S) + 3 * S;
    return [0, 1, 2].map((i) => ({
      at: new Date(t + i * 100).toISOString(),
      kind: 'waiting',
      step: 'ship',
      path: `fulfil.shipping/byWarehouse[${i}]/ship`,
      waits: [{ kind: 'child', names: ['shipment'] }],
    }));
  }
  return [
    { at: at(26 * H), kind: 'started', schedule: 'weekly_expenses' },
    {
      at: at(26 * H - S),
      kind: 'waiting',
      step: 'approve',
      path: 'approve',
      waits: [{ kind: 'input', names: ['approve'] }],
      prompt: '“Approve 1 240.50 € for Ann Berg?”, times out after 2 d',
    },
    { at: at(26 * H - 38 * S), kind: 'event', eventName: 'receipt_scanned', matched: false },
    {
      at: at(25 * H),
      kind: 'audit',
      action: 'run.pause',
      actor: 'mara@acme.example',
      outcome: 'done',
      details: { reason: 'waiting for the audit' },
    },
    { at: at(24 * H), kind: 'audit', action: 'run.resume', actor: 'mara@acme.example', outcome: 'done', details: null },
    {
      at: at(23 * H),
      kind: 'audit',
      action: 'event.send',
      actor: HOSTILE,
      outcome: 'failed',
      code: 'X',
      details: { reason: HOSTILE },
    },
  ];
}
