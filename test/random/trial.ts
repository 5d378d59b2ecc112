import { setTimeout as pause } from 'node:timers/promises';
import { readFile } from 'node:fs/promises';
import { type DurableClient, DurableQueues } from 'nest-durable';
import pg from 'pg';
import { DataSource } from 'typeorm';
import { migrate } from '../../lib/storage/migrations/migrator.js';
import { startFakePooler } from '../support/fake-pooler.js';
import { openApp } from '../support/faults/app.js';
import { WorkerProcess } from '../support/faults/worker-process.js';
import { brokenInvariants, startAudit } from '../support/invariants.js';
import { Random } from '../support/random.js';
import { startProxy, type TcpProxy } from '../support/tcp-proxy.js';
import { MARKS } from './acts.js';
import { cutAtCommit, freeze, type Target, terminate, terminateAtCommit } from './faults.js';
import { plansOf } from './generator.js';
import { unexpectedLines } from './log-lines.js';
import { Operator } from './operator.js';
import { Overseer } from './overseer.js';
import { cleanUp } from './retention.js';
import type { Fault as InjectedFault, Settings } from './settings.js';
import { startedTicks, tickFaults, TICKS } from './ticks.js';
import { Timekeeper } from './timekeeper.js';
import { accountOf, type Fault, faultsOf } from './verdict.js';
import { DEPLOYED, LAST, type Version } from './versions.js';

/** ms without any change in which a run that could go on would have. */
const PATIENCE = 40_000;
/** ms without any change in which a run that is paused, or waits for one that is, stays so. */
const STILL = 4_000;
/** A run may wait for a child that needs another version, and the child for its own. */
const MOST_DEPLOYS = 8;
/** ms */
const DEFAULT_LEASE = 30_000;

export interface Outcome {
  readonly runs: number;
  readonly records: number;
  readonly injected: number;
  readonly faults: readonly Fault[];
  /** Of runs with faults. */
  readonly accounts: readonly string[];
}

/** @param url of a database that is empty, or made for a spec */
export async function runTrial(seed: number, settings: Settings, url: string): Promise<Outcome> {
  const ends: (() => Promise<unknown>)[] = [];
  try {
    return await new Trial(seed, settings, url, ends).run();
  } finally {
    for (const end of ends.toReversed()) await end();
  }
}

interface Node extends Target {
  readonly proxy: TcpProxy;
  readonly engineUrl: string;
  worker: WorkerProcess;
  label: string;
}

class Trial {
  private readonly random: Random;
  private readonly pool: pg.Pool;
  private readonly plans;
  private readonly faults: Fault[] = [];
  private readonly workers: WorkerProcess[] = [];
  private version: Version = 1;
  private injected = 0;
  private stopped = false;

  constructor(
    private readonly seed: number,
    private readonly settings: Settings,
    private readonly url: string,
    private readonly ends: (() => Promise<unknown>)[],
  ) {
    this.random = new Random(seed);
    this.plans = plansOf(seed, settings.plans);
    this.pool = new pg.Pool({
      connectionString: url,
      max: 8,
      options: '-c default_transaction_isolation=read\\ committed',
    });
    this.pool.on('error', () => {});
    ends.push(() => this.pool.end());
  }

  async run(): Promise<Outcome> {
    const { settings, pool, random } = this;
    await this.prepare();
    const nodes = await Promise.all(Array.from({ length: settings.workers }, () => this.openNode()));
    const app = await openApp({ database: { url: this.url }, workers: false });
    this.ends.push(() => app.close());
    const dataSource = await new DataSource({ type: 'postgres', url: this.url, installExtensions: false }).initialize();
    this.ends.push(() => dataSource.destroy());
    const operator = new Operator(app.client, pool, dataSource, this.plans, random);
    const feeding = Promise.all([operator.feed(), operator.holdUp(app.app.get(DurableQueues, { strict: false }))]);
    // What breaks it off is told of where it is waited for.
    const fed = feeding.catch(() => {});
    this.ends.push(
      () => fed,
      () => operator.end(),
    );
    const overseer = new Overseer(app.client, pool, this.plans, random, operator, settings.runs);
    const overseeing = settings.acts ? overseer.act() : Promise.resolve();
    // As above.
    overseeing.catch(() => {});
    const closing = new AbortController();
    this.ends.push(async () => closing.abort());
    const cleaning = settings.retention ? cleanUp(app.client, random, closing.signal) : Promise.resolve();
    // As above.
    cleaning.catch(() => {});
    const timekeeper = new Timekeeper(app.client, pool, random);
    const keeping = settings.schedules ? timekeeper.keep(random.int(8_000, 20_000)) : Promise.resolve();
    // As above.
    keeping.catch(() => {});
    const striking = Promise.all(nodes.map((node) => this.strike(node)));
    // As above.
    striking.catch(() => {});
    await operator.startAll(settings.runs);
    await Promise.all([operator.settled(), keeping]);
    await this.untilQuiet(20_000);
    this.stopped = true;
    overseer.end();
    await Promise.all([striking, overseeing]);
    await operator.settled();
    if (settings.deploys) await this.deployLast(nodes, app.client);
    if (await this.untilQuiet(PATIENCE)) {
      await operator.again();
      await operator.settled();
      // What was run again from a step of a version that is gone.
      if (settings.deploys) await this.deployLast(nodes, app.client);
      await this.untilQuiet(PATIENCE);
    }
    await operator.end();
    closing.abort();
    await Promise.all([feeding, cleaning]);
    this.faults.push(...tickFaults(timekeeper.eras, await startedTicks(pool)));
    this.faults.push(...[...operator.faults, ...timekeeper.faults].map((what) => ({ run: null, what })));
    return this.judge(operator, app.client);
  }

  private async prepare(): Promise<void> {
    const { rows } = await this.pool.query<{ there: boolean }>(
      `SELECT to_regclass('spec.reconciled') IS NOT NULL AS there`,
    );
    if (rows[0]?.there !== true) {
      await migrate({ connectionString: this.url, schema: 'durable' });
      await this.pool.query(await readFile(new URL('../support/reconciled.sql', import.meta.url), 'utf8'));
    }
    await this.pool.query(MARKS);
    await this.pool.query(TICKS);
    await startAudit(this.pool);
    const name = pg.escapeIdentifier(new URL(this.url).pathname.slice(1));
    await this.pool.query(`ALTER DATABASE ${name} SET default_transaction_isolation = '${this.settings.isolation}'`);
  }

  private get lease(): number {
    return this.settings.options.leaseTimeout ?? DEFAULT_LEASE;
  }

  private async openNode(): Promise<Node> {
    const proxy = await startProxy(Number(new URL(this.url).port));
    this.ends.push(() => proxy.close());
    let engineUrl = proxy.through(this.url);
    if (this.settings.pooled) {
      const pooler = await startFakePooler(engineUrl, { notifications: true });
      this.ends.push(() => pooler.close());
      engineUrl = pooler.url;
    }
    return { proxy, engineUrl, ...(await this.work(engineUrl)) };
  }

  private async work(engineUrl: string): Promise<Pick<Node, 'worker' | 'label'>> {
    const { seed, settings, version, url } = this;
    const label = `worker ${this.workers.length + 1}`;
    const options = { ...settings.options, shutdownTimeout: 2_000 };
    const worker = WorkerProcess.run('../../random/worker.ts', {
      seed,
      plans: settings.plans,
      version,
      label,
      url,
      engineUrl,
      options,
    });
    this.workers.push(worker);
    this.ends.push(() => worker.end('SIGKILL'));
    await worker.says((line) => line.event === 'up');
    return { worker, label };
  }

  private async strike(node: Node): Promise<void> {
    const { settings, random } = this;
    for (let left = settings.faults.length === 0 ? 0 : settings.strikes; left > 0 && !this.stopped; left--) {
      await pause(random.int(1_000, 8_000));
      if (this.stopped) break;
      this.injected++;
      await this.inject(random.pick(settings.faults), node);
    }
  }

  private async inject(fault: InjectedFault, node: Node): Promise<void> {
    switch (fault) {
      case 'kill':
      case 'restart':
        if (this.settings.deploys) this.version = this.random.pick(DEPLOYED);
        return this.restart(node, fault === 'kill' ? 'SIGKILL' : 'SIGTERM');
      case 'cut':
        return node.proxy.cut();
      case 'cut at a commit':
        return cutAtCommit(node, this.random);
      case 'freeze':
        return freeze(node, this.random, this.pool, this.lease);
      case 'terminate':
        return terminate(this.pool, this.random);
      case 'terminate at a commit':
        return terminateAtCommit(this.pool, this.random);
    }
  }

  private async restart(node: Node, signal: NodeJS.Signals): Promise<void> {
    await node.worker.end(signal);
    Object.assign(node, await this.work(node.engineUrl));
  }

  /** Has all processes of one version, then all of another, and resumes what the others have paused, until all has ended. */
  private async deployLast(nodes: readonly Node[], client: DurableClient): Promise<void> {
    for (let n = 0; n < MOST_DEPLOYS && !(await this.untilQuiet(STILL)); n++) {
      this.version = LAST[n % LAST.length] ?? 2;
      await Promise.all(nodes.map((node) => this.restart(node, this.random.pick(['SIGKILL', 'SIGTERM']))));
      const paused = await client.listExecutions({ status: 'paused', limit: 1_000 });
      for (const { id } of paused) await client.resume(id);
    }
  }

  /** Until all has ended; false: nothing has changed for so long, or time is up. */
  private async untilQuiet(patience: number): Promise<boolean> {
    let before = '';
    let since = performance.now();
    for (;;) {
      const { rows } = await this.pool.query<{ left: number; state: string }>(
        `SELECT (SELECT count(*) FROM durable.workflow_queue)::integer AS left,
           concat_ws(' ', (SELECT count(*) FROM durable.step_executions), (SELECT count(*) FROM durable.waits WHERE state <> 'open'),
             (SELECT count(*) FROM durable.workflow_queue), (SELECT max(id) FROM marks)) AS state`,
      );
      if (rows[0]?.left === 0) return true;
      if (rows[0]?.state !== before) {
        before = rows[0]?.state ?? '';
        since = performance.now();
      }
      if (performance.now() - since > patience) return false;
      await pause(100);
    }
  }

  private async judge(operator: Operator, client: Parameters<typeof faultsOf>[0]): Promise<Outcome> {
    const { pool, faults } = this;
    const stuck = await pool.query<Fault>(
      `SELECT COALESCE(step_of, id) AS run, 'has not ended: ' || state AS what FROM durable.workflow_queue`,
    );
    faults.push(...stuck.rows);
    faults.push(
      ...(await faultsOf(client, pool, {
        plans: this.plans,
        started: operator.started,
        lease: this.lease,
        retention: this.settings.retention,
        deploys: this.settings.deploys,
      })),
    );
    const mended = await pool.query<Fault>(`SELECT run, 'had to be reconciled: ' || what AS what FROM spec.reconciled`);
    faults.push(...mended.rows);
    const { rows: there } = await pool.query<{ id: string }>('SELECT id FROM durable.workflow_executions');
    const ids = new Set(there.map(({ id }) => id));
    // What has become of others is known by now.
    const runs = [...operator.started.values()].map(({ run }) => run).filter(({ id }) => ids.has(id));
    const restarted = [...operator.started.values()].filter((one) => one.restarted).map(({ run }) => run.id);
    for (const what of await brokenInvariants(pool, { runs, records: this.settings.retention ? 0 : 10 })) {
      // What is taken over is in the journal before the first lease.
      if (what.includes('which was not live') && restarted.some((id) => what.includes(id))) continue;
      faults.push({ run: /run ([0-9a-f-]{36})/.exec(what)?.[1] ?? null, what });
    }
    for (const worker of this.workers) {
      if (worker.ended && worker.signal !== 'SIGKILL') {
        if (worker.signal !== 'SIGTERM')
          faults.push({ run: null, what: `a worker ended by itself: ${worker.complaints.slice(-2_000)}` });
      }
      faults.push(
        ...unexpectedLines(worker.complaints, this.plans, this.settings).map((what) => ({ run: null, what })),
      );
    }
    const { rows: dead } = await pool.query<{ n: number }>(
      'SELECT deadlocks::integer AS n FROM pg_stat_database WHERE datname = current_database()',
    );
    if ((dead[0]?.n ?? 0) > 0) faults.push({ run: null, what: `${dead[0]?.n} deadlocks` });
    const accused = [...new Set(faults.flatMap(({ run }) => (run === null ? [] : [run])))];
    const accounts: string[] = [];
    for (const id of accused.slice(0, 12)) accounts.push(await this.account(client, id));
    const { rows: counted } = await pool.query<{ runs: number; records: number }>(
      `SELECT (SELECT count(*) FROM durable.workflow_executions)::integer AS runs,
         (SELECT count(*) FROM durable.step_executions)::integer AS records`,
    );
    return {
      runs: counted[0]?.runs ?? 0,
      records: counted[0]?.records ?? 0,
      injected: this.injected,
      faults,
      accounts,
    };
  }

  private async account(client: Parameters<typeof faultsOf>[0], id: string): Promise<string> {
    const text = await accountOf(client, this.pool, id);
    const plan = this.plans.find(({ name }) => text.split('\n', 1)[0]?.includes(` ${name}:`));
    return `${text}\n  plan ${JSON.stringify(plan)}`;
  }
}
