import { DEFAULT_SETTINGS, type WorkflowDefinition } from '../../lib/core/definition/definition.js';
import type { LoopRow, StepRow } from '../../lib/dashboard/ui/src/lib/types.js';

/** Definitions and journals of every shape that the pages draw. */
const START = Date.parse('2026-11-28T02:00:00.000Z');

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
      'Takes an order from the cart to the warehouse.',
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
    definition('order_pipeline', 'An order whose parts are runs of their own.', [
      step('validate'),
      step('charge', { retry: retries(3) }),
      parallel('fulfil', {
        shipping: [loop('byWarehouse', [step('ship')]), step('parcels')],
        points: [step('bookPoints')],
      }),
      step('receipt'),
    ]),
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
  ].map((one) => [one.name, one]),
);

let seq = 0;

function attempt(
  path: string,
  from: number,
  ms: number,
  status: StepRow['status'],
  more: Partial<StepRow> = {},
): StepRow {
  seq += 1;
  const over = status === 'completed' || status === 'failed';
  return {
    seq,
    inputSeq: null,
    step: path.slice(Math.max(path.lastIndexOf('/'), path.lastIndexOf('~')) + 1),
    path,
    type: 'step',
    round: 1,
    visit: 1,
    attempt: 1,
    status,
    error: status === 'failed' ? { name: 'Error', message: 'It does not answer' } : null,
    startedAt: new Date(START + from).toISOString(),
    completedAt: over ? new Date(START + from + ms).toISOString() : null,
    durationMs: over ? ms : null,
    isCompensation: path.includes('~'),
    compensationFor: path.includes('~') ? path.slice(0, path.indexOf('~')) : null,
    childId: null,
    ...more,
  };
}

/** A run as the tree of its timeline reads it. */
export interface Journal {
  readonly workflow: string;
  readonly status: string;
  readonly standing: string;
  readonly rows: readonly (StepRow | LoopRow)[];
}

export const undone: Journal = {
  workflow: 'process_order',
  status: 'compensated',
  standing: 'compensated',
  rows: [
    attempt('validate', 10, 22, 'completed'),
    attempt('reserve', 60, 310, 'completed'),
    attempt('charge', 400, 2010, 'failed'),
    attempt('charge', 3390, 2020, 'failed', { attempt: 2 }),
    attempt('charge', 7000, 1980, 'failed', { attempt: 3 }),
    attempt('reserve~release', 9100, 400, 'failed'),
    attempt('reserve~release', 10_600, 1000, 'completed', { attempt: 2 }),
  ],
};

export const retrying: Journal = {
  workflow: 'trip_booking',
  status: 'waiting',
  standing: 'retry',
  rows: [
    attempt('byKind', 5, 3, 'completed', { type: 'branch' }),
    attempt('byKind.flight/search', 20, 1200, 'completed'),
    attempt('byKind.flight/bookFlight', 1300, 840, 'completed'),
    attempt('extras.hotel/bookHotel', 2200, 612, 'completed'),
    attempt('extras.car/findCar', 2200, 900, 'failed'),
    attempt('extras.car/findCar', 4000, 1300, 'completed', { attempt: 2 }),
    attempt('extras.car/bookCar', 18_000, 4010, 'failed'),
    attempt('extras.car/bookCar', 27_000, 4020, 'failed', { attempt: 2 }),
  ],
};

export const looping: Journal = {
  workflow: 'campaign',
  status: 'running',
  standing: 'running',
  rows: [
    attempt('segment', 0, 1100, 'completed'),
    attempt('recipients', 1150, 40, 'completed', { type: 'forEach' }),
    {
      seq: 2,
      path: 'recipients[]',
      items: 10_000,
      done: 6786,
      failed: 14,
      running: 10,
      waiting: 0,
      cells: [{ at: new Date(START + 1200).toISOString(), done: 6786, failed: 14 }],
    },
  ],
};

/** As the API gives it. */
export function runOf({ workflow, status, standing }: Journal): Record<string, unknown> {
  const at = new Date(START).toISOString();
  return {
    id: '019a8f0d-4b7e-7d02-b1f3-9c0a2e6d88f1',
    workflow,
    status,
    round: 1,
    createdAt: at,
    startedAt: at,
    completedAt: status === 'compensated' ? new Date(START + 11_700).toISOString() : null,
    compensationResults:
      status === 'compensated' ? [{ step: 'reserve', compensation: 'release', status: 'completed' }] : [],
    currentSteps: [],
    standing: { kind: standing, text: '', title: '', detail: null, until: null },
    graph: definitions[workflow] ?? null,
  };
}
