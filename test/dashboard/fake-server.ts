import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AddressInfo } from 'node:net';
import {
  audit,
  doctor,
  events,
  history,
  inputs,
  overview,
  queues,
  schedules,
  workers,
  workflows,
} from './fake-lists.js';
import { definitions, type FakeRun, NOW, runs as shopRuns } from './fake-shop.js';
import { itemsOf, logs, payloadsOf, stepsOf } from './fake-steps.js';

/*
 * A server that answers what the API is to answer, out of memory: the pages are tested against it without a database,
 * each fault at will. It knows no rules of the engine; what was asked of it is in `acts`.
 */

const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; " +
  "base-uri 'self'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'";

const READS = [
  'overview.read',
  'run.read',
  'payload.read',
  'log.read',
  'workflow.read',
  'input.read',
  'event.read',
  'schedule.read',
  'queue.read',
  'doctor.read',
  'audit.read',
];
const OPERATES = [
  'run.start',
  'run.cancel',
  'run.pause',
  'run.resume',
  'run.retry',
  'run.restart',
  'run.hurry',
  'event.send',
  'input.answer',
  'wait.cancel',
  'schedule.trigger',
  'schedule.switch',
  'queue.pause',
  'queue.resume',
];
const ADMINISTERS = ['schedule.write', 'queue.drain', 'run.bulk', 'run.cleanup', 'doctor.verify'];
export const ALL_ACTIONS = [...READS, ...OPERATES, ...ADMINISTERS];
export const VIEWER_ACTIONS = READS;

export interface Act {
  method: string;
  path: string;
  body: Record<string, unknown>;
}

type Answer = { status: number; body: unknown };
const ok = (body: unknown, status = 200): Answer => ({ status, body });
const refuse = (status: number, code: string, message: string, violations?: unknown[]): Answer => ({
  status,
  body: { error: { code, message, ...(violations && { violations }) } },
});
const page = (items: unknown[], next: string | null = null): Answer => ok({ items, next, prev: null });

export class FakeServer {
  readonly acts: Act[] = [];
  runs: FakeRun[] = shopRuns.map((run) => ({ ...run }));
  me: Record<string, unknown> = {
    actor: 'mara@acme.example',
    actions: ALL_ACTIONS,
    title: 'acme-shop',
    badge: { label: 'production', tone: 'plain' },
    instance: 'default',
    readOnly: false,
    version: '0.1.0',
    now: new Date(NOW).toISOString(),
    pollInterval: 5000,
  };
  /** Answers in the place of its own, by `METHOD path`. */
  readonly refusals = new Map<string, Answer>();
  stream = true;
  empty = false;
  /** Answers that are asked for do not come any more. */
  down = false;
  private readonly open = new Set<ServerResponse>();
  private readonly asked = new Map<string, Record<string, unknown>>();
  private eventId = 0;
  private inputList = inputs();

  private constructor(
    private readonly server: Server,
    private readonly ui: string,
    private readonly prefix: string,
  ) {
    server.on('request', (request, response) => void this.take(request, response));
  }

  static async start(ui: string, prefix = '/ops/durable'): Promise<FakeServer> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new FakeServer(server, ui, prefix);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}${this.prefix}/`;
  }

  async close(): Promise<void> {
    for (const response of this.open) response.destroy();
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  /** Tells every open stream. */
  tell(kind: string, data: Record<string, unknown>): void {
    this.eventId += 1;
    for (const response of this.open)
      response.write(`event: ${kind}\nid: b1.${this.eventId}\ndata: ${JSON.stringify(data)}\n\n`);
  }

  cutStreams(): void {
    for (const response of this.open) response.destroy();
    this.open.clear();
  }

  refuse(key: string, status: number, code: string, message: string, violations?: unknown[]): void {
    this.refusals.set(key, refuse(status, code, message, violations));
  }

  private async take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://x');
    response.setHeader('Content-Security-Policy', POLICY);
    response.setHeader('X-Content-Type-Options', 'nosniff');
    if (!url.pathname.startsWith(`${this.prefix}/`)) {
      response.writeHead(404).end();
      return;
    }
    const path = url.pathname.slice(this.prefix.length + 1);
    if (path.startsWith('assets/')) {
      this.asset(path, response);
      return;
    }
    if (!path.startsWith('api/')) {
      const depth = path.split('/').length - 1;
      const html = readFileSync(join(this.ui, 'index.html'), 'utf8').replace(
        /<base\s[^>]*>/,
        `<base href="${depth === 0 ? './' : '../'.repeat(depth)}">`,
      );
      response.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8', 'Cache-Control': 'no-store' }).end(html);
      return;
    }
    if (this.down) {
      response.destroy();
      return;
    }
    const api = decodeURIComponent(path.slice(4));
    if (api === 'stream') {
      this.streamTo(response);
      return;
    }
    let body: Record<string, unknown> = {};
    if (request.method !== 'GET') {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      body = JSON.parse(Buffer.concat(chunks).toString('utf8') || '{}') as Record<string, unknown>;
      this.acts.push({ method: request.method ?? '', path: api, body });
    }
    const answer =
      this.refusals.get(`${request.method} ${api}`) ??
      (request.method === 'GET' ? this.read(api, url.searchParams) : this.act(api, body));
    const text = JSON.stringify(answer.body);
    const etag = `W/"${createHash('sha1').update(text).digest('base64url')}"`;
    if (request.method === 'GET' && answer.status === 200 && request.headers['if-none-match'] === etag) {
      response.writeHead(304, { ETag: etag }).end();
      return;
    }
    response
      .writeHead(answer.status, {
        'Content-Type': 'application/json; charset=utf-8',
        'Cache-Control': 'no-store',
        ...(request.method === 'GET' && answer.status === 200 && { ETag: etag }),
      })
      .end(text);
  }

  private asset(path: string, response: ServerResponse): void {
    const types: Record<string, string> = {
      js: 'text/javascript',
      css: 'text/css',
      svg: 'image/svg+xml',
      woff2: 'font/woff2',
    };
    try {
      const bytes = readFileSync(join(this.ui, path));
      response
        .writeHead(200, {
          'Content-Type': types[path.slice(path.lastIndexOf('.') + 1)] ?? 'text/plain',
          'Cache-Control': 'public, max-age=31536000, immutable',
        })
        .end(bytes);
    } catch {
      response.writeHead(404).end();
    }
  }

  private streamTo(response: ServerResponse): void {
    if (!this.stream) {
      response.writeHead(503).end();
      return;
    }
    response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store, no-transform' });
    response.write('retry: 2000\n\n');
    this.open.add(response);
    response.on('close', () => this.open.delete(response));
  }

  private read(api: string, params: URLSearchParams): Answer {
    const [what = '', id = '', more = '', last = ''] = api.split('/');
    const all = this.empty ? [] : this.runs;
    switch (what) {
      case 'me':
        return ok(this.me);
      case 'overview':
        return ok(this.empty ? emptyOverview() : overview());
      case 'runs': {
        if (id === '') return this.list(all, params);
        if (id === 'count') return ok(this.count(all, params.get('q') ?? ''));
        if (id === 'series')
          return ok({
            since: new Date(NOW - 86_400_000).toISOString(),
            until: new Date(NOW).toISOString(),
            buckets: Array.from({ length: 144 }, (_, i) => ({
              at: new Date(NOW - (144 - i) * 600_000).toISOString(),
              started: 20 + Math.round(14 * Math.sin(i / 18)),
              failed: i > 139 ? 18 : i % 13 === 0 ? 1 : 0,
            })),
          });
        if (id === 'suggest') return ok({ items: suggestions(params.get('key') ?? '', params.get('text') ?? '') });
        const found = all.find((run) => run.id.startsWith(id));
        if (found === undefined) return refuse(404, 'EXECUTION_NOT_FOUND', `There is no run ${id}.`);
        return this.run(found, more, last, params);
      }
      case 'inputs': {
        if (id === 'count')
          return ok({
            n: this.empty ? 0 : this.inputList.filter(({ status }) => status === 'pending').length,
            more: false,
          });
        const wanted = (params.get('status') ?? 'pending').split(',');
        return page(
          this.empty
            ? []
            : this.inputList.filter(
                (one) =>
                  wanted.includes(String(one['status'])) &&
                  (params.get('executionId') === null || one['executionId'] === params.get('executionId')) &&
                  (params.get('workflow') === null || one['workflow'] === params.get('workflow')),
              ),
        );
      }
      case 'events':
        return page(
          this.empty
            ? []
            : events().filter(
                (one) => params.get('executionId') === null || one['executionId'] === params.get('executionId'),
              ),
        );
      case 'workflows': {
        if (id === '') return page(workflows());
        const found = workflows().find(({ name }) => name === id);
        return found === undefined ? refuse(404, 'WORKFLOW_NOT_FOUND', `There is no workflow ${id}.`) : ok(found);
      }
      case 'schedules': {
        if (id === 'preview')
          return params.get('cron') === 'nonsense'
            ? refuse(422, 'INVALID_CRON', 'nonsense is no cron expression')
            : ok({
                words: 'At 07:00 every day',
                next: [1, 2, 3, 4, 5].map((n) => new Date(NOW + n * 86_400_000).toISOString()),
              });
        const found = schedules();
        if (id === '') return page(this.empty ? [] : found);
        const one = found.find(({ name }) => name === id);
        return one === undefined ? refuse(404, 'SCHEDULE_NOT_FOUND', `There is no schedule ${id}.`) : ok(one);
      }
      case 'queues':
        return page(this.empty ? [] : queues());
      case 'workers':
        return page(this.empty ? [] : workers());
      case 'doctor':
        return ok(doctor());
      case 'audit':
        return page(audit());
      case 'bulk':
        return ok({
          done: Number(this.asked.get(id)?.['n'] ?? 0),
          failed: 0,
          total: Number(this.asked.get(id)?.['n'] ?? 0),
          state: 'done',
          errors: [],
        });
      default:
        return refuse(404, 'NOT_FOUND', 'There is nothing here.');
    }
  }

  private list(all: FakeRun[], params: URLSearchParams): Answer {
    const limit = Number(params.get('limit') ?? 50);
    const found = all.filter(filterOf(params.get('q') ?? ''));
    const from = Number(params.get('cursor') ?? 0);
    return page(found.slice(from, from + limit), from + limit < found.length ? String(from + limit) : null);
  }

  private count(all: FakeRun[], q: string): { n: number; more: boolean } {
    if (this.empty) return { n: 0, more: false };
    const known: Record<string, number> = {
      'since:24h': 61_402,
      'retrying:yes': 37,
      'took:>1h': 1874,
      'status:failed,compensated,compensation_failed since:24h': 541,
    };
    return { n: known[q] ?? all.filter(filterOf(q)).length, more: false };
  }

  private run(run: FakeRun, more: string, last: string, params: URLSearchParams): Answer {
    const steps = stepsOf(run);
    switch (more) {
      case '':
        return ok({
          ...run,
          input: {
            orderId: 'o-88240',
            amount: 18490,
            note: '<b>bold</b>',
            tags: ['a', 'b'],
            at: { $durable: 'date', v: '2026-11-28T02:00:00.000Z' },
          },
          data: run.status === 'completed' ? { total: 18490, parcel: 'P-7712' } : { orderId: 'o-88240' },
          graph: definitions[run.workflow] ?? null,
          inputSchema: null,
          links: [],
          restartPoints: (definitions[run.workflow]?.nodes ?? []).map((node, i) => ({
            step: node.name,
            ok: i < 2,
            ...(i >= 2 && { why: 'it was never reached' }),
          })),
        });
      case 'steps': {
        if (last !== '') {
          const row = steps.find(({ seq }) => String(seq) === last);
          return ok(row === undefined ? { input: null, output: null, error: null, logs: [] } : payloadsOf(row));
        }
        const under = params.get('under');
        if (under !== null && /\[\d+\]/.test(under) && !steps.some(({ path }) => path === under)) {
          return page(
            [1, 2].map((n) => ({
              ...steps[0],
              seq: 900_000 + n,
              path: under,
              step: 'sendOne',
              attempt: n,
              status: 'failed',
              error: { name: 'SmtpError', code: 'EDNS', message: 'No such domain: nowhere.example' },
            })),
          );
        }
        const from = Number(params.get('cursor') ?? 0);
        const rows = steps.slice(from, from + 500);
        return page(rows, from + 500 < steps.length ? String(from + 500) : null);
      }
      case 'items':
        return page(itemsOf(params.get('state')));
      case 'logs': {
        const lines = steps
          .filter((row) => !('cells' in row))
          .flatMap(logs)
          .map((line, i) => ({ ...line, seq: i }));
        const text = (params.get('text') ?? '').toLowerCase();
        return page(
          lines
            .filter(
              (line) =>
                (params.get('level') === null || (line as { level?: string }).level === params.get('level')) &&
                String((line as { message?: string }).message)
                  .toLowerCase()
                  .includes(text),
            )
            .slice(0, 400),
        );
      }
      case 'history':
        return page(history(run.id));
      case 'family':
        return ok({
          parents: run['parentId'] === null ? [] : this.runs.filter(({ id }) => id === run['parentId']),
          retryOf: null,
          retries: [],
          children: { items: run['childCount'] === 0 ? [] : [this.runs[3], this.runs[13]], next: null, prev: null },
          counts: { completed: 1, waiting: 1 },
        });
      default:
        return refuse(404, 'NOT_FOUND', 'There is nothing here.');
    }
  }

  private act(api: string, body: Record<string, unknown>): Answer {
    const [what = '', id = '', verb = ''] = api.split('/');
    const run = this.runs.find((one) => one.id === id);
    if (what === 'runs' && id === '') return ok({ id: this.runs[0]?.id }, 201);
    if (what === 'runs' && run !== undefined) {
      if (verb === 'pause') run.status = 'paused';
      if (verb === 'resume') run.status = 'running';
      if (verb === 'cancel') run.status = 'cancelled';
      if (verb === 'retry' || verb === 'restart') return ok({ id: this.runs[0]?.id }, 201);
      if (verb === 'events') return ok({}, 202);
      if (verb === 'inputs')
        this.inputList = this.inputList.map((one) =>
          one['id'] === body['inputId']
            ? { ...one, status: 'completed', response: body['data'], closedAt: new Date(NOW).toISOString() }
            : one,
        );
      return ok(verb === 'waits' ? { cancelled: 1 } : { changed: true });
    }
    if (api === 'bulk/preview') {
      const n = Array.isArray(body['ids']) ? body['ids'].length : 214;
      const eligible = Array.isArray(body['ids']) ? n : 206;
      this.asked.set('b-1', { n: eligible });
      return ok({
        token: 't-1',
        count: n,
        eligible,
        excluded: n === eligible ? [] : [{ why: 'were retried already', n: n - eligible }],
        sample: [{ id: this.runs[1]?.id, workflow: 'process_order' }],
      });
    }
    if (what === 'bulk') return ok({ id: 'b-1' }, 202);
    if (what === 'schedules')
      return verb === 'trigger' ? ok({ id: this.runs[0]?.id }, 201) : ok({}, id === '' ? 201 : 200);
    if (api === 'doctor/verify') return ok({ violations: [] });
    return ok(verb === 'drain' ? { idle: true } : {});
  }
}

function emptyOverview(): Record<string, unknown> {
  const none = { now: 0, before: 0 };
  const nothing = { now: null, before: null };
  return {
    problems: [],
    figures: {
      started: none,
      completed: none,
      failed: none,
      p50: nothing,
      p95: nothing,
      delay50: nothing,
      delay95: nothing,
      unfinished: { total: 0, running: 0, waiting: 0, due: 0, paused: 0 },
      inputs: 0,
      lastFailureAt: null,
    },
    series: [],
    latency: [],
    failures: [],
    queues: [],
    oldestWaits: [],
    workers: [],
    asOf: new Date(NOW).toISOString(),
  };
}

function suggestions(key: string, text: string): { value: string; n: number }[] {
  const values: Record<string, [string, number][]> = {
    error: [
      ['PaymentGatewayError', 412],
      ['PayoutLimitError', 3],
      ['WaitTimeoutError', 61],
    ],
    workflow: Object.keys(definitions).map((name) => [name, 1]),
    queue: [
      ['ai', 1],
      ['default', 2],
    ],
  };
  return (values[key] ?? [])
    .filter(([value]) => value.toLowerCase().includes(text.toLowerCase()))
    .map(([value, n]) => ({ value, n }));
}

/** As much of the filter as the tests need. */
function filterOf(q: string): (run: FakeRun) => boolean {
  const terms = q.split(/\s+/).filter((term) => term !== '');
  return (run) =>
    terms.every((term) => {
      const [key, value] = term.includes(':')
        ? [term.slice(0, term.indexOf(':')), term.slice(term.indexOf(':') + 1)]
        : ['', term];
      const values = value.split(',');
      switch (key) {
        case 'status':
          return values.includes(run.status);
        case 'workflow':
          return values.includes(run.workflow);
        case 'error':
          return values.includes(String((run['error'] as { name?: string } | null)?.name));
        case 'retrying':
          return (run.standing.kind === 'retry') === (value === 'yes');
        case 'id':
          return values.some((one) => run.id.startsWith(one));
        case '':
          return run.id.startsWith(value);
        default:
          return true;
      }
    });
}
