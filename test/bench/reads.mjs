import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { quantile, workflow } from './figures.mjs';
import { filled, SCHEDULES, WORKFLOWS } from './reads-data.mjs';
import { serverCpuSeconds } from './server.mjs';

/** A read is asked for so often, unless it takes all this time. */
const MOST = 60;
const LEAST = 10;
const PATIENCE = 4_000;
const BAR = 50;
const OVERVIEW_BAR = 150;

/**
 * What people's reads take at `runs` runs: each is a request to the dashboard, from the browser's end of it. The first answers
 * do not count. One process, one database of its own.
 */
export async function reads({ url, runs, postmaster, only = '' }) {
  const { Step, Decision, ForEach, Schedule, Workflow, DurableModule, DurableClient } =
    await import('../../dist/index.js');
  const { DurableDashboardModule } = await import('../../dist/dashboard/index.js');
  const step = [Step(), (data) => data];
  const classes = WORKFLOWS.map((name, n) => {
    const type = workflow(Workflow, name, { a: step, b: step, c: step });
    return n < SCHEDULES.length ? (Schedule({ name: SCHEDULES[n], cron: '0 3 * * *' })(type) ?? type) : type;
  });
  const mailing = workflow(Workflow, 'mailing', {
    recipients: [ForEach('send'), () => []],
    send: step,
  });
  const turning = workflow(Workflow, 'turning', {
    turn: [Decision({ goto: ['turn'], maxVisits: 10_000 }), () => undefined],
    last: step,
  });
  const app = await NestFactory.create(
    {
      module: class ReadsModule {},
      imports: [
        DurableModule.forRoot({ database: { url }, queues: { default: { concurrency: 20 } } }),
        DurableDashboardModule.forRoot({ authorize: () => true }),
      ],
      providers: [...classes, mailing, turning],
    },
    { logger: ['error'], abortOnError: false },
  );
  try {
    await app.listen(0, '127.0.0.1');
    const base = `${await app.getUrl()}/durable/api/`;
    const ids = await filled(url, runs);
    const { next } = await (await fetch(`${base}runs`)).json();
    const table = tableOf(ids, app.get(DurableClient), next).filter(([name]) => name.includes(only));
    const rows = [];
    for (const [name, ask, bar = BAR] of table) {
      const row = { name, bar, ...(await time(base, ask, postmaster)) };
      rows.push(row);
      const [p50, p95, server, node] = [row.p50, row.p95, row.serverCpu, row.nodeCpu].map((ms) => ms.toFixed(1));
      console.error(`${row.p95 > bar ? '!' : ' '} ${name}: p50 ${p50}, p95 ${p95}, CPU ${server} + ${node} ms`);
    }
    return { runs, reads: rows };
  } finally {
    await app.close();
  }
}

/** CPU ms that the server and this process have used so far. */
function cpuMs(postmaster) {
  const { user, system } = process.cpuUsage();
  return { server: serverCpuSeconds(postmaster) * 1_000, node: (user + system) / 1_000 };
}

async function time(base, ask, postmaster) {
  const taken = [];
  let before = cpuMs(postmaster);
  for (let n = -3, until = performance.now() + PATIENCE; n < MOST && (n < LEAST || performance.now() < until); n += 1) {
    if (n === 0) before = cpuMs(postmaster);
    const what = ask(n + 3);
    const begun = performance.now();
    if (typeof what === 'string') {
      const answer = await fetch(`${base}${what}`);
      const body = await answer.text();
      // 503: the database was given up on, after five seconds.
      if (!answer.ok && answer.status !== 503) throw new Error(`${what}: ${answer.status} ${body}`);
    } else await what;
    if (n >= 0) taken.push(performance.now() - begun);
  }
  const after = cpuMs(postmaster);
  const each = (side) => (after[side] - before[side]) / taken.length;
  return {
    p50: quantile(taken, 0.5),
    p95: quantile(taken, 0.95),
    serverCpu: each('server'),
    nodeCpu: each('node'),
    n: taken.length,
  };
}

/**
 * Each read of the dashboard's API and of the client, by the page that shows it: name, what to ask for, bar.
 *
 * @returns {[name: string, ask: (n: number) => string | Promise<unknown>, bar?: number][]}
 */
function tableOf(ids, client, next) {
  const of = (name, path) => (n) => path.replace(':id', ids[name][n % ids[name].length]);
  const q = (filter) => () => `runs?q=${encodeURIComponent(filter)}`;
  const each = (list, path) => (n) => path(list[n % list.length]);
  return [
    ['runs: all, with the sentence of each', () => 'runs'],
    ...[
      'status:completed',
      'status:failed',
      'status:failed,compensated',
      'status:running',
      'status:pending',
      'status:waiting',
      'status:paused',
      'workflow:order_03',
      'workflow:order_03 status:failed',
      'queue:ai',
      'error:CardError',
      'error:CardError workflow:order_03',
      'tag.tenant:t17',
      'tag.tenant:acme status:cancelled',
      'tag.tenant:acme status:compensation_failed',
      'tag.tenant:acme status:waiting',
      'tag.tenant:acme status:completed workflow:mailing',
      'schedule:nightly_order_02',
      'schedule:nightly_order_02 status:compensation_failed',
      'workflow:mailing status:completed',
      'retrying:yes',
      'root:yes',
      'took:>30s',
      'took:>1h',
      'took:>30d',
      'version:7',
      'root:no',
      'since:1h',
      'since:20d until:19d',
      'since:20d until:19d status:failed',
      '-workflow:order_03',
      '-status:completed',
    ].map((filter) => [`runs: ${filter}`, q(filter)]),
    ['runs: children of one', (n) => q(`parent:${ids.parent[0]}`)(n)],
    ['runs: failed children of one', (n) => q(`parent:${ids.parent[0]} status:failed`)(n)],
    ['runs: by the beginning of an id', (n) => `runs?q=${ids.middle[n % ids.middle.length].slice(0, 13)}`],
    ['runs: fifty by their ids', () => `runs?q=id:${ids.waiting.join(',')}`],
    ['runs: the page after the first', () => `runs?cursor=${encodeURIComponent(next)}`],
    ['runs: a page 14 days back', () => 'runs?q=until:14d'],
    ['runs: failed ones, a page 14 days back', q('until:14d status:failed')],
    ['runs/count: all', () => 'runs/count?q='],
    ['runs/count: failed', () => 'runs/count?q=status:failed'],
    ['runs/count: waiting', () => 'runs/count?q=status:waiting'],
    ['runs/count: of a workflow', () => 'runs/count?q=workflow:order_03'],
    ['runs/count: took:>1h', () => 'runs/count?q=took:%3E1h'],
    ['runs/count: with a tag', () => 'runs/count?q=tag.tenant:t17'],
    ['runs/count: failed, with a common tag', () => 'runs/count?q=tag.tenant:acme%20status:failed'],
    ['runs/series: a day', () => 'runs/series?q=since:24h'],
    ['runs/series: a week of a workflow', () => `runs/series?q=${encodeURIComponent('since:7d workflow:order_03')}`],
    ['runs/series: a month', () => 'runs/series?q=since:30d'],
    ...[
      'took:>1h',
      'queue:ai',
      'version:7',
      'status:completed',
      'status:failed',
      'tag.tenant:t17',
      '-workflow:order_03',
    ].map((filter) => [
      `runs/series: a month, ${filter}`,
      () => `runs/series?q=${encodeURIComponent(`since:30d ${filter}`)}`,
    ]),
    ...['workflow', 'queue', 'error', 'schedule', 'tag.tenant'].map((key) => [
      `runs/suggest: ${key}`,
      () => `runs/suggest?key=${key}&text=`,
    ]),
    ['run: completed', of('completed', 'runs/:id')],
    ['run: failed', of('failed', 'runs/:id')],
    ['run: waits', of('waiting', 'runs/:id')],
    ['run: by a prefix of 13', (n) => `runs/${ids.middle[n % ids.middle.length].slice(0, 18)}`],
    ['run: a loop of 10 000', of('loop', 'runs/:id')],
    ['run: 5 000 attempts', of('long', 'runs/:id')],
    ['run: 5 000 children', of('parent', 'runs/:id')],
    ['steps: of a small run', of('completed', 'runs/:id/steps')],
    ['steps: 500 of 5 000', of('long', 'runs/:id/steps?limit=500')],
    ['steps: with a loop of 10 000 in sums', of('loop', 'runs/:id/steps?limit=500')],
    ['steps: payloads of one', of('long', 'runs/:id/steps/4000')],
    ['items: failed ones of a loop of 10 000', of('loop', 'runs/:id/items?path=recipients[]&state=failed')],
    ['items: a page of a loop of 10 000', of('loop', 'runs/:id/items?path=recipients[]')],
    ['logs: a page of a long run', of('long', 'runs/:id/logs')],
    ['logs: with a text', of('long', 'runs/:id/logs?text=line%204900')],
    ['history: of a small run', of('failed', 'runs/:id/history')],
    ['history: 2 000 events and acts', of('talked', 'runs/:id/history')],
    ['family: of a small run', of('failed', 'runs/:id/family')],
    ['family: 5 000 children', of('parent', 'runs/:id/family')],
    ...['1h', '24h', '7d', '30d'].map((span) => [`overview: ${span}`, () => `overview?window=${span}`, OVERVIEW_BAR]),
    ['overview: 24h of a workflow', each(WORKFLOWS, (name) => `overview?window=24h&workflow=${name}`), OVERVIEW_BAR],
    ['workflows', () => 'workflows?window=24h'],
    ['workflows: one, with its steps and versions', each(WORKFLOWS, (name) => `workflows/${name}?window=24h`)],
    ['inputs: first to time out first', () => 'inputs'],
    ['inputs: by time asked', () => 'inputs?order=asked'],
    ['inputs: of a workflow', () => 'inputs?workflow=order_03'],
    ['inputs: of a name', () => 'inputs?name=asked_3'],
    ['inputs/count', () => 'inputs/count'],
    ['events: waited for', () => 'events'],
    ['events: of a name', () => 'events?name=asked_2'],
    ['schedules', () => 'schedules'],
    ['schedules: one, with its runs', each(SCHEDULES, (name) => `schedules/${name}`)],
    ['queues', () => 'queues'],
    ['workers', () => 'workers'],
    ['audit', () => 'audit'],
    ['audit: of an actor', () => 'audit?actor=person%203'],
    ['audit: of a run', (n) => `audit?target=${ids.talked[n % 1]}`],
    ['doctor', () => 'doctor'],
    ['client: listExecutions', () => client.listExecutions({ limit: 50 })],
    ['client: listWorkflows', () => client.listWorkflows()],
    ['client: explain, completed after 5 000 attempts', () => client.explain(ids.long[0])],
    ['client: explain, undone after 2 000 steps', () => client.explain(ids.undone[0])],
    ['client: explain, failed', (n) => client.explain(ids.failed[n % ids.failed.length])],
    ['client: explain, waits', (n) => client.explain(ids.waiting[n % ids.waiting.length])],
  ];
}
