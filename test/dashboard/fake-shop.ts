import type { WorkflowDefinition } from '../../lib/core/definition/definition.js';
import { DEFAULT_SETTINGS } from '../../lib/core/definition/definition.js';

/** A shop's dashboard as the API would answer it: everything that a page can show, at a time that stands. */
export const NOW = Date.parse('2026-11-28T02:06:24.000Z');
const S = 1000;
const MIN = 60 * S;
const H = 60 * MIN;
const D = 24 * H;

export const at = (before: number): string => new Date(NOW - before).toISOString();

type Node = WorkflowDefinition['nodes'][number];
const step = (name: string, more: Partial<Node['settings']> = {}): Node => ({
  kind: 'step',
  name,
  member: name,
  settings: { ...DEFAULT_SETTINGS, ...more },
});
const retries = (maxAttempts: number): Node['settings']['retry'] => ({ ...DEFAULT_SETTINGS.retry, maxAttempts });
const branch = (name: string, arms: Record<string, Node[]>): Node => ({
  kind: 'branch',
  name,
  member: name,
  settings: DEFAULT_SETTINGS,
  arms,
});
const parallel = (name: string, arms: Record<string, Node[]>): Node => ({
  kind: 'parallel',
  name,
  member: name,
  settings: DEFAULT_SETTINGS,
  arms,
  onError: 'failFast',
  concurrency: null,
  goto: [],
});
const loop = (name: string, arm: Node[], concurrency = 10): Node => ({
  kind: 'forEach',
  name,
  member: name,
  settings: DEFAULT_SETTINGS,
  arm,
  onError: 'completeAll',
  concurrency,
  results: 'none',
});

function definition(
  name: string,
  description: string,
  nodes: Node[],
  compensations: string[] = [],
): WorkflowDefinition {
  return {
    name,
    description,
    queue: 'default',
    priority: 0,
    timeout: null,
    maxRetries: 0,
    maxRecoveries: 10,
    concurrency: null,
    nodes,
    compensations: compensations.map((one) => ({
      name: one,
      member: one,
      retry: DEFAULT_SETTINGS.retry,
      timeout: null,
      transactional: false,
    })),
  };
}

export const definitions: Record<string, WorkflowDefinition> = Object.fromEntries(
  [
    definition(
      'process_order',
      'Takes an order from the cart to the warehouse. Reserves, charges, ships; gives stock back when the card is refused.',
      [
        step('validate'),
        step('reserve', { compensate: 'release' }),
        step('charge', { retry: retries(3) }),
        step('ship'),
      ],
      ['release'],
    ),
    definition(
      'trip_booking',
      'Flight or train, hotel, car, and everybody is told.',
      [
        branch('byKind', {
          flight: [step('search'), step('bookFlight')],
          train: [step('bookTrain')],
          default: [step('askAgent')],
        }),
        parallel('extras', {
          hotel: [step('bookHotel')],
          car: [step('findCar'), step('bookCar', { retry: retries(5), compensate: 'cancelCar' })],
        }),
        loop('travellers', [step('invite')]),
        {
          kind: 'decision',
          name: 'check',
          member: 'check',
          settings: DEFAULT_SETTINGS,
          goto: ['byKind'],
          maxVisits: 1000,
        },
      ],
      ['cancelCar'],
    ),
    definition('expense_approval', 'Collects receipts, asks the lead, pays.', [
      step('collect'),
      step('approve'),
      step('pay'),
      step('notify'),
    ]),
    definition('order_pipeline', 'An order whose parts are runs of their own.', [
      step('validate'),
      step('charge', { retry: retries(3) }),
      parallel('fulfil', {
        shipping: [loop('byWarehouse', [step('ship')]), step('parcels')],
        points: [step('bookPoints')],
      }),
      step('receipt'),
    ]),
    definition('shipment', 'Packs and hands over.', [step('pack'), step('hand_over')]),
    definition('document', 'Reads a document, routes it by kind, summarises.', [
      step('read'),
      branch('byType', { pdf: [step('extract')], image: [step('ocr')] }),
      step('summarise'),
    ]),
    definition('campaign', 'Mails a segment, 10 at a time, and sums up.', [
      step('segment'),
      loop('recipients', [step('sendOne', { retry: retries(2) })]),
      step('summary'),
    ]),
    definition('payouts', 'Pays out to the merchants.', [step('collect'), step('release'), step('transfer')]),
    definition('onboarding', 'A supplier becomes one.', [step('register'), step('supplier_details'), step('welcome')]),
  ].map((one) => [one.name, one]),
);

interface Standing {
  kind: string;
  text: string;
  title: string;
  detail: string | null;
  until: string | null;
}

export interface FakeRun {
  id: string;
  workflow: string;
  status: string;
  [field: string]: unknown;
  standing: Standing;
}

let counter = 0;

export function run(
  workflow: string,
  short: string,
  status: string,
  standing: Partial<Standing>,
  more: Record<string, unknown> = {},
): FakeRun {
  counter += 1;
  const created = (more['createdAt'] as string | undefined) ?? at(counter * 10 * S);
  const took = more['took'] as number | undefined;
  const { took: _, ...fields } = more;
  const ended = ['completed', 'failed', 'cancelled', 'compensated', 'compensation_failed'].includes(status);
  const full = { kind: status, text: '', title: '', detail: null, until: null, ...standing };
  return {
    id: short.length > 8 ? short : `${short}-7c3e-7a55-8a55-${String(counter).padStart(12, '0')}`,
    workflow,
    status,
    queue: 'default',
    priority: 0,
    error: null,
    currentSteps: [],
    parentId: null,
    retryOf: null,
    tags: {},
    round: 1,
    pauseRequested: false,
    scheduledAt: null,
    startedAt: status === 'pending' ? null : created,
    completedAt: ended ? new Date(Date.parse(created) + (took ?? 1100)).toISOString() : null,
    compensatedAt: null,
    compensationResults: [],
    createdAt: created,
    updatedAt: created,
    failedStep: null,
    version: 31,
    childCount: 0,
    ...fields,
    standing: { ...full, title: full.title === '' ? full.text : full.title },
  };
}

const gateway = {
  name: 'PaymentGatewayError',
  code: 'GATEWAY_DOWN',
  message: 'The gateway answered 503 Service Unavailable',
  requestId: 'r-7204',
  retryAfter: 30,
  stack: [
    'PaymentGatewayError: The gateway answered 503',
    '    at PaymentService.charge (payment.service.ts:64:13)',
    '    at OrderWorkflow.charge (order.workflow.ts:31:22)',
    ...Array.from({ length: 8 }, (_, i) => `    at run (node_modules/nest-durable/x.js:${i}:1)`),
  ].join('\n'),
  cause: { name: 'FetchError', message: 'connect ECONNREFUSED 10.4.0.17:443' },
};
const short503 = { name: 'PaymentGatewayError', message: 'The gateway answered 503' };

export const runs: FakeRun[] = [
  run(
    'process_order',
    '019a8f3c',
    'running',
    { text: '`charge`, attempt 2 of 3, for 1.4 s', title: 'Runs `charge`, attempt 2 of 3', detail: 'For 1.4 s.' },
    { createdAt: at(2 * S) },
  ),
  run(
    'process_order',
    '019a8f3b',
    'failed',
    {
      text: '',
      title: 'Failed at `charge` after 3 attempts with `PaymentGatewayError`',
      detail: '“The gateway answered 503”.',
    },
    { createdAt: at(4 * S), took: 9200, error: short503, failedStep: 'charge' },
  ),
  run(
    'process_order',
    '019a8f3a',
    'waiting',
    {
      kind: 'retry',
      text: '`charge` failed 2 times, attempt 3 in 3 s',
      title: 'Tries `charge` again: 2 of 3 attempts have failed with `PaymentGatewayError`',
      until: new Date(NOW + 3 * S).toISOString(),
    },
    { createdAt: at(9 * S) },
  ),
  run(
    'shipment',
    '019a8f38',
    'completed',
    { text: 'completed' },
    { createdAt: at(11 * S), took: 212, queue: 'mail', parentId: '019a7f4e-2c11-7b60-9d0e-5f1f6a0c9e21' },
  ),
  run(
    'document',
    '019a8f31',
    'running',
    { text: '`summarise`, for 29 s', title: 'Runs `summarise`' },
    { createdAt: at(31 * S), queue: 'ai' },
  ),
  run(
    'process_order',
    '019a8f2d',
    'failed',
    { title: 'Failed at `charge`' },
    { createdAt: at(38 * S), took: 8800, error: short503, failedStep: 'charge' },
  ),
  run(
    'trip_booking',
    '019a8f27-91d0-7c3e-8a55-0d1b7fe3a1c4',
    'waiting',
    {
      kind: 'retry',
      text: '`bookCar` failed 2 times, attempt 3 in 12 s',
      title: 'Tries `bookCar` again: 2 of 5 attempts have failed with `CarPoolError`',
      detail:
        '“No answer from the pool within 4 s”. The arm `hotel` is done and waits for the arm `car`. Should all 5 fail, `bookFlight` and `bookHotel` are undone.',
      until: new Date(NOW + 12 * S).toISOString(),
    },
    { createdAt: at(53 * S), tags: { trip: 't-5512' }, version: 12, error: null },
  ),
  run(
    'trip_booking',
    '019a8f24',
    'compensating',
    { text: 'undoes `bookFlight`, 1 of 3 done' },
    { createdAt: at(62 * S), version: 12 },
  ),
  run(
    'document',
    '019a8f22',
    'pending',
    { kind: 'due', text: 'ready for 48 s: queue `ai` is full, 20 of 20' },
    { createdAt: at(70 * S), queue: 'ai' },
  ),
  run(
    'process_order',
    '019a8f1e',
    'completed',
    { text: 'Completed after 1.1 s' },
    { createdAt: at(75 * S), tags: { tenant: 'fjord-outdoor' } },
  ),
  run(
    'process_order',
    '019a8f1c',
    'completed',
    { text: 'Completed' },
    { createdAt: at(80 * S), took: 1300, tags: { tenant: 'kiln-and-co' } },
  ),
  run(
    'expense_approval',
    '019a8ef0-77aa-7f12-9f31-b28cc01e5d07',
    'waiting',
    {
      kind: 'input',
      text: 'an answer to `approve`, times out in 21 h 48 min',
      title: 'Waits for a person to answer `approve`',
      detail:
        "Asked 1 d 2 h ago. If nobody does, `approve` goes on with `'expired'`. `pay` and `notify` come after it.",
      until: new Date(NOW + 21 * H + 48 * MIN).toISOString(),
    },
    { createdAt: at(3 * MIN), tags: { department: 'field' }, version: 4 },
  ),
  run(
    'trip_booking',
    '019a8ee4',
    'compensated',
    { title: 'Failed at `bookHotel`, then was undone' },
    {
      createdAt: at(4 * MIN),
      took: 12_400,
      error: { name: 'NoRoomError', message: '2 steps were undone' },
      failedStep: 'bookHotel',
    },
  ),
  run(
    'shipment',
    '019a8ec1',
    'waiting',
    { kind: 'event', text: 'the event `packed`, times out in 4 d 23 h' },
    { createdAt: at(6 * MIN), queue: 'warehouse' },
  ),
  run(
    'payouts',
    '019a8e92',
    'paused',
    {
      kind: 'paused',
      text: '`NonDeterministicStepError` in `pull`, resume once the code is mended',
      title: 'Paused: `NonDeterministicStepError` in `pull`',
      detail: 'Mend the code, then resume it.',
    },
    { createdAt: at(14 * MIN) },
  ),
  run(
    'campaign',
    '019a8e60',
    'cancelled',
    { text: 'by mara@acme.example: “wrong segment”', title: 'Cancelled by mara@acme.example: “wrong segment”' },
    { createdAt: at(22 * MIN), took: 3 * MIN, queue: 'mail' },
  ),
  run(
    'trip_booking',
    '019a8e3f',
    'compensation_failed',
    {
      text: '`cancelFlight` could not undo `bookFlight`: 409 Conflict',
      title: '`cancelFlight` could not undo `bookFlight`',
    },
    { createdAt: at(31 * MIN), took: 44 * S },
  ),
  run(
    'campaign',
    '019a8ea7-10c4-7e81-8b6a-3f0d9e2b7c55',
    'running',
    {
      text: '`sendOne` for 10 items; 6 786 of 10 000',
      title: 'Runs `sendOne` for 10 items; 6 786 of 10 000 are through, 14 of them failed',
      detail:
        'About 10 items a second in the last minute. Items that fail are kept and the loop goes on; `summary` comes after it.',
    },
    { createdAt: at(10 * MIN + 50 * S), queue: 'mail', tags: { segment: 'spring-2' }, version: 9 },
  ),
  run(
    'process_order',
    '019a8f0d-4b7e-7d02-b1f3-9c0a2e6d88f1',
    'compensated',
    {
      kind: 'compensated',
      title: 'Failed at `charge` after 3 attempts with `PaymentGatewayError`, then was undone',
      detail:
        '“The gateway answered 503 Service Unavailable”. `reserve` was undone by `release`. 213 other runs have failed the same way since 02:41.',
    },
    {
      createdAt: at(19 * MIN + 12 * S),
      took: 11_700,
      tags: { tenant: 'kiln-and-co' },
      error: gateway,
      failedStep: 'charge',
      compensationResults: [{ step: 'reserve', compensation: 'release', status: 'completed' }],
    },
  ),
  run(
    'process_order',
    '019a8df1-6e20-7a4c-9c13-77d0b4e1f0a2',
    'completed',
    {
      title: 'Completed after 21 min; it worked for 3.2 s of them',
      text: 'Completed',
      detail: 'The longest wait was 21 min, for the event `packed`. One attempt of `charge` failed on the way.',
    },
    { createdAt: at(35 * MIN), took: 21 * MIN, tags: { tenant: 'north-trail' } },
  ),
  run(
    'order_pipeline',
    '019a7f4e-2c11-7b60-9d0e-5f1f6a0c9e21',
    'waiting',
    {
      kind: 'child',
      text: 'the child `019a8b11` shipment',
      title: 'Waits for its child `shipment`, which waits for the event `packed`',
      detail:
        'Item 1 of `byWarehouse` has called it 1 d 13 h ago; 2 of 3 items are done. Then come `parcels` and `receipt`. If it takes longer, the child is cancelled and `ship` throws `WaitTimeoutError`.',
      until: new Date(NOW + 3 * D + 10 * H + 55 * MIN).toISOString(),
    },
    {
      createdAt: at(37 * H + 4 * MIN + 13 * S),
      tags: { tenant: 'fjord-outdoor', order: 'o-88124' },
      version: 7,
      childCount: 3,
    },
  ),
];
for (let i = 0; i < 60; i++) {
  runs.push(
    run(
      ['process_order', 'document', 'campaign'][i % 3] ?? '',
      `019a7${String(100 + i)}`,
      i % 7 === 0 ? 'failed' : 'completed',
      { text: 'Completed', title: 'Completed' },
      i % 7 === 0
        ? { error: short503, failedStep: 'charge', createdAt: at(2 * D + i * MIN), took: 9000 }
        : { createdAt: at(2 * D + i * MIN), tags: { tenant: 'fjord-outdoor' } },
    ),
  );
}

/** What must stay text wherever it stands. */
export const HOSTILE =
  '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>{{7*7}}${7*7}javascript:alert(1)"\'`';
runs.push(
  run(
    HOSTILE.slice(0, 60),
    '019a6666',
    'failed',
    { text: HOSTILE, title: HOSTILE, detail: HOSTILE },
    {
      createdAt: at(3 * D),
      error: { name: HOSTILE, message: HOSTILE, stack: HOSTILE },
      failedStep: HOSTILE,
      tags: { [HOSTILE.slice(0, 20)]: HOSTILE },
      queue: HOSTILE.slice(0, 40),
    },
  ),
);
