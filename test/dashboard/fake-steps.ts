import { definitions, HOSTILE, NOW, runs, type FakeRun } from './fake-shop.js';

const S = 1000;
const MIN = 60 * S;
const H = 60 * MIN;

type Row = Record<string, unknown>;

let seq = 0;

function attempt(path: string, from: number, ms: number, status: string, more: Row = {}): Row {
  seq += 1;
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
    error: null,
    startedAt: new Date(from).toISOString(),
    completedAt: status === 'running' || status === 'waiting' ? null : new Date(from + ms).toISOString(),
    durationMs: status === 'running' || status === 'waiting' ? null : ms,
    isCompensation: path.includes('~'),
    compensationFor: path.includes('~') ? path.slice(0, path.indexOf('~')) : null,
    childId: null,
    ...more,
  };
}

const fault = (name: string, message: string, more: Row = {}): Row => ({ name, message, ...more });
const gateway = (n: number): Row =>
  fault('PaymentGatewayError', 'The gateway answered 503 Service Unavailable', {
    code: 'GATEWAY_DOWN',
    requestId: `r-71f${n}`,
    retryAfter: n === 3 ? 30 : 2,
    stack: `PaymentGatewayError\n    at PaymentService.charge (payment.service.ts:64:13)\n    at OrderWorkflow.charge (order.workflow.ts:31:22)\n    at run (node_modules/x.js:1:1)`,
    cause: { name: 'FetchError', message: 'connect ECONNREFUSED 10.4.0.17:443' },
  });

const byRun = new Map<string, Row[]>();

export function stepsOf(run: FakeRun): Row[] {
  const known = byRun.get(run.id);
  if (known !== undefined) return known;
  const rows = make(run);
  byRun.set(run.id, rows);
  return rows;
}

function make(run: FakeRun): Row[] {
  const t = Date.parse(String(run['startedAt'] ?? run['createdAt']));
  switch (run.id.slice(0, 8)) {
    case '019a8f0d':
      return [
        attempt('validate', t + 10, 22, 'completed'),
        attempt('reserve', t + 60, 310, 'completed'),
        attempt('charge', t + 400, 2010, 'failed', { error: gateway(1) }),
        attempt('charge', t + 3390, 2020, 'failed', { attempt: 2, error: gateway(2) }),
        attempt('charge', t + 7000, 1980, 'failed', { attempt: 3, error: gateway(3) }),
        attempt('reserve~release', t + 9100, 400, 'failed', { error: fault('StockBusyError', 'The stock is locked') }),
        attempt('reserve~release', t + 10_600, 1000, 'completed', { attempt: 2 }),
      ];
    case '019a8df1':
      return [
        attempt('validate', t, 22, 'completed'),
        attempt('reserve', t + 30, 310, 'completed'),
        attempt('charge', t + 400, 2000, 'failed', { error: gateway(1) }),
        attempt('charge', t + 3400, 640, 'completed', { attempt: 2 }),
        attempt('ship', t + 21 * MIN - 180, 180, 'completed'),
      ];
    case '019a7f4e': {
      const a = t + 3 * S;
      const packed = fault('', '');
      void packed;
      return [
        attempt('validate', t, 38, 'completed'),
        attempt('charge', t + 60, 800, 'failed', { error: gateway(1) }),
        attempt('charge', t + 1400, 600, 'completed', { attempt: 2 }),
        attempt('fulfil.shipping/byWarehouse', t + 2100, 40, 'completed', { type: 'forEach' }),
        attempt('fulfil.points/bookPoints', t + 2100, 240, 'completed'),
        attempt('fulfil.shipping/byWarehouse[0]/ship', a + 22 * H, 1200, 'completed', { childId: runs[3]?.id ?? null }),
        attempt('fulfil.shipping/byWarehouse[1]/ship', a, 118, 'waiting', { childId: runs[13]?.id ?? null }),
        attempt('fulfil.shipping/byWarehouse[2]/ship', a + 27 * H, 900, 'completed'),
      ];
    }
    case '019a8f27':
      return [
        attempt('byKind', t + 5, 3, 'completed', { type: 'branch' }),
        attempt('byKind.flight/search', t + 20, 1200, 'completed'),
        attempt('byKind.flight/bookFlight', t + 1300, 840, 'completed'),
        attempt('extras.hotel/bookHotel', t + 2200, 612, 'completed'),
        attempt('extras.car/findCar', t + 2200, 900, 'failed', { error: fault('CarPoolError', 'busy') }),
        attempt('extras.car/findCar', t + 4000, 1300, 'completed', { attempt: 2 }),
        attempt('extras.car/bookCar', t + 18 * S, 4010, 'failed', {
          error: fault('CarPoolError', 'No answer from the pool within 4 s'),
        }),
        attempt('extras.car/bookCar', t + 27 * S, 4020, 'failed', {
          attempt: 2,
          error: fault('CarPoolError', 'No answer from the pool within 4 s', {
            stack:
              'CarPoolError\n    at CarPool.book (car-pool.service.ts:41:11)\n    at TripWorkflow.bookCar (trip.workflow.ts:88:24)',
          }),
        }),
      ];
    case '019a8ea7': {
      const end = NOW;
      const cells = Array.from({ length: 120 }, (_, i) => {
        const when = t + 1200 + ((end - t - 1200) / 120) * i;
        const bad = i > 62 && i < 72;
        return {
          at: new Date(when).toISOString(),
          done: bad ? 8 : 55 + ((i * 37) % 11),
          failed: bad && i % 2 === 0 ? 3 : 0,
        };
      });
      return [
        attempt('segment', t, 1100, 'completed'),
        attempt('recipients', t + 1150, 40, 'completed', { type: 'forEach' }),
        { path: 'recipients[]', items: 10_000, done: 6786, failed: 14, running: 10, waiting: 0, cells },
      ];
    }
    case '019a8ef0':
      return [attempt('collect', t, 212, 'completed'), attempt('approve', t + 250, 40, 'waiting')];
    case '019a5000': {
      return Array.from({ length: 5000 }, (_, i) =>
        attempt('charge', t + i * 2000, 900, i % 50 === 3 ? 'failed' : 'completed', {
          attempt: i + 1,
          error: i % 50 === 3 ? gateway(1) : null,
        }),
      );
    }
    default: {
      const nodes = definitions[run.workflow]?.nodes ?? [];
      const rows: Row[] = [];
      let at = t;
      for (const node of nodes) {
        if (node.kind !== 'step') continue;
        const last = run['failedStep'] === node.name;
        rows.push(attempt(node.name, at, 300, last ? 'failed' : 'completed', last ? { error: run['error'] } : {}));
        at += 350;
        if (last) break;
      }
      if (run.status === 'running') rows.push(attempt(nodes[rows.length]?.name ?? 'charge', NOW - 1400, 0, 'running'));
      return rows;
    }
  }
}

export function itemsOf(state: string | null): Row[] {
  const indexes = [5204, 5211, 5290, 5293, 5377, 5402, 5466, 5519, 5530, 5531, 5540, 5561, 5570, 5599];
  const t = NOW - 5 * MIN;
  if (state === 'failed')
    return indexes.map((index, i) => ({
      index,
      state,
      attempts: 2,
      startedAt: new Date(t + i * 4 * S).toISOString(),
      durationMs: 31_000,
      error: fault('SmtpError', i % 3 === 1 ? 'no such domain' : 'mailbox full', { code: 'EDNS' }),
    }));
  if (state === 'running')
    return Array.from({ length: 10 }, (_, i) => ({
      index: 6786 + i,
      state,
      attempts: 1,
      startedAt: new Date(NOW - 800).toISOString(),
      durationMs: null,
      error: null,
    }));
  return Array.from({ length: 50 }, (_, i) => ({
    index: i,
    state: state ?? 'completed',
    attempts: 1,
    startedAt: new Date(t - 5 * MIN + i * 100).toISOString(),
    durationMs: 900,
    error: null,
  }));
}

export function payloadsOf(row: Row): Row {
  const path = String(row['path']);
  const input: Row = {
    orderId: 'o-88240',
    amount: 18490,
    currency: 'EUR',
    card: '[redacted]',
    receipt: 'https://pay.acme.example/r/88240',
    at: { $durable: 'date', v: '2026-11-28T02:00:00.000Z' },
  };
  if (path.includes('byWarehouse['))
    return {
      input: { orderId: 'o-88124', warehouse: 'berlin', items: ['tent-2p', 'stove'] },
      output: row['status'] === 'completed' ? { parcel: 'P-1' } : null,
      error: row['error'],
      logs: logs(row).slice(0, 2),
    };
  if (path.startsWith('recipients['))
    return { input: 'ann@nowhere.example', output: null, error: row['error'], logs: [] };
  const output = row['status'] === 'completed' ? { chargeId: 'ch_7Qk2', amount: 18490 } : null;
  return { input, output, error: row['error'], logs: logs(row) };
}

export function logs(row: Row): Row[] {
  const t = Date.parse(String(row['startedAt']));
  const line = (ms: number, level: string, message: string): Row => ({
    time: new Date(t + ms).toISOString(),
    level,
    message,
    step: row['step'],
    attempt: row['attempt'],
    context: 'OrderWorkflow',
  });
  return [
    line(2, 'log', 'charges o-88240'),
    line(1900, 'warn', 'gateway says retry after 30 s'),
    line(1905, 'error', `charge refused: 503, see https://status.acme.example ${HOSTILE}`),
  ];
}
