import type pg from 'pg';
import { DefinitionError } from '../../lib/core/errors/errors.js';
import { type ScheduleDeclaration, updated } from '../../lib/core/time/schedule.js';
import type { Followed, QueueLimits } from '../../lib/engine/ports/store.js';
import { ConnectionLostError } from '../../lib/storage/connection/connection-errors.js';
import { PgDeclarations } from '../../lib/storage/schedules/declarations.js';
import { PgSchedules } from '../../lib/storage/schedules/schedules.js';
import { sql } from '../../lib/storage/sql.js';
import { Rows } from './rows.js';

let rows: Rows;
let schedules: PgSchedules;
let store: PgDeclarations;

beforeEach(async () => {
  rows = await Rows.open();
  schedules = new PgSchedules(rows.pool, 'durable');
  store = new PgDeclarations(rows.pool, 'durable', schedules);
});

afterEach(() => rows.close());

/** Half a day away, so that none is due while a test runs. */
const HOUR = (new Date().getUTCHours() + 12) % 24;
const cronAt = (minute: number): string => `${minute} ${HOUR} * * *`;

/** What a process has: for each workflow a definition and its schedules as name and minute, and limits of queues. */
interface Code {
  readonly [workflow: string]: { readonly id: number; readonly schedules: Readonly<Record<string, number>> };
}

function schedule(workflow: string, name: string, minute: number): ScheduleDeclaration {
  const settings = {
    cron: cronAt(minute), timezone: 'UTC', input: '{}', queue: null,
    overlap: 'allow', catchUp: 'latest', catchUpWindow: 86_400_000, catchUpLimit: 100,
  } as const; // prettier-ignore
  return { name, workflow, enabled: true, settings };
}

function declare(code: Code): Promise<number[]> {
  return store.declareSchedules(
    Object.entries(code).map(([workflow, { id, schedules: list }]) => ({
      workflow,
      definitionId: id,
      schedules: Object.entries(list).map(([name, minute]) => schedule(workflow, name, minute)),
      inputSchema: null,
    })),
  );
}

class Process {
  private constructor(private readonly worker: number) {}

  /** As the engine does: its boot declares, then it enters the workers and follows. */
  static async boot(code: Code, limits: readonly QueueLimits[] = []): Promise<Process> {
    const definitions = Object.values(code).map(({ id }) => id);
    const declared = await declare(code);
    declared.push(...(await store.declareQueues(Math.max(0, ...definitions), limits)));
    const { rows: made } = await rows.pool.query<{ id: number }>(
      `INSERT INTO durable.workers (host, pid, version, queues, definitions, declarations, expires_at)
       VALUES ('h', 1, '1', '{default}', $1, $2, now() + interval '1 hour') RETURNING id`,
      [definitions, declared],
    );
    await store.follow();
    return new Process(made[0]?.id ?? 0);
  }

  /** It leaves; the others follow. */
  async leave(): Promise<Followed> {
    await rows.pool.query('DELETE FROM durable.workers WHERE id = $1', [this.worker]);
    return store.follow();
  }

  /** It is found dead, or its lease runs out. */
  async die(): Promise<Followed> {
    await rows.pool.query('UPDATE durable.workers SET dead_at = now() WHERE id = $1', [this.worker]);
    return store.follow();
  }
}

/** Name, workflow and minute of each schedule that is in service. */
async function inService(): Promise<Record<string, [workflow: string, minute: number]>> {
  const list = await schedules.list({ limit: 100 });
  return Object.fromEntries(
    list
      .filter(({ removedAt }) => removedAt === null)
      .map(({ name, workflow, cron }) => [name, [workflow, Number.parseInt(cron, 10)]]),
  );
}

describe('schedules in a rollout', () => {
  it.each([
    ['the definition has changed', 2],
    ['only the schedules have', 1],
  ])('old code that comes back changes nothing while later code lives, where %s', async (_what, versions) => {
    const one = rows.definitionId;
    const two = versions === 1 ? one : await rows.addDefinition('order', 2);
    const old: Code = { order: { id: one, schedules: { nightly: 1, gone: 2 } } };
    const late: Code = { order: { id: two, schedules: { nightly: 3, fresh: 4 } } };
    const before = await Process.boot(old);
    expect(await inService()).toEqual({ nightly: ['order', 1], gone: ['order', 2] });
    const now: Awaited<ReturnType<typeof inService>> = { nightly: ['order', 3], fresh: ['order', 4] };
    const first = await Process.boot(late);
    expect(await inService()).toEqual(now);
    await before.leave();
    const restarted = await Process.boot(old);
    expect(await inService()).toEqual(now);
    const second = await Process.boot(late);
    await first.leave();
    expect(await inService()).toEqual(now);
    await restarted.leave();
    expect(await inService()).toEqual(now);
    await second.leave();
    // Nobody is left whose code says otherwise.
    expect(await inService()).toEqual(now);
  });

  it.each(['leaves', 'dies'] as const)(
    'after a rollback the old schedules are back when the last process of the later code has gone (%s)',
    async (how) => {
      const two = await rows.addDefinition('order', 2);
      const old: Code = { order: { id: rows.definitionId, schedules: { nightly: 1, gone: 2 } } };
      const late: Code = { order: { id: two, schedules: { nightly: 3, fresh: 4 } } };
      await Process.boot(old);
      const [first, second] = [await Process.boot(late), await Process.boot(late)];
      const go = (one: Process): Promise<Followed> => (how === 'leaves' ? one.leave() : one.die());
      expect(await go(first)).toEqual({ schedules: false, queues: [], refused: [] });
      expect(await inService()).toEqual({ nightly: ['order', 3], fresh: ['order', 4] });
      expect(await go(second)).toMatchObject({ schedules: true, refused: [] });
      expect(await inService()).toEqual({ nightly: ['order', 1], gone: ['order', 2] });
      const back = await schedules.find('gone');
      expect(back?.schedule.nextRunAt?.getTime()).toBeGreaterThan(Date.now());
    },
  );

  it('two processes of one version that differ keep to the one that came last, whoever follows', async () => {
    const of = (minute: number): Code => ({ order: { id: rows.definitionId, schedules: { nightly: minute } } });
    const [first, second] = [await Process.boot(of(1)), await Process.boot(of(2))];
    for (let round = 0; round < 3; round++) {
      expect(await store.follow()).toEqual({ schedules: false, queues: [], refused: [] });
      expect(await inService()).toEqual({ nightly: ['order', 2] });
    }
    await first.leave();
    const again = await Process.boot(of(1));
    expect(await inService()).toEqual({ nightly: ['order', 2] });
    await second.leave();
    expect(await inService()).toEqual({ nightly: ['order', 1] });
    await again.leave();
  });

  it('cost a boot at which nothing has changed a few statements, however many they are: all that boot wait for each other', async () => {
    const many = Object.fromEntries(Array.from({ length: 100 }, (_, n) => [`job ${n}`, n % 60]));
    const code: Code = { order: { id: rows.definitionId, schedules: many } };
    await declare(code);
    let count = 0;
    const connect = async (): Promise<pg.PoolClient> => {
      const client = await rows.pool.connect();
      const query = (text: string, values?: unknown[]): Promise<pg.QueryResult> => {
        count++;
        return client.query(text, values);
      };
      return { query, release: (broken?: Error) => client.release(broken) } as unknown as pg.PoolClient;
    };
    store = new PgDeclarations({ connect }, 'durable', schedules);
    await declare(code);
    expect(count).toBeLessThan(20);
    expect(Object.keys(await inService())).toHaveLength(100);
  });

  it('have a schema of the input with all that JSON has, also what is no text to the server', async () => {
    const inputSchema = { enum: ['a\0b', '\ud800', '\\u0000'] };
    const list = [schedule('order', 'nightly', 1)];
    await store.declareSchedules([
      { workflow: 'order', definitionId: rows.definitionId, schedules: list, inputSchema },
    ]);
    expect((await rows.one('workflow_definitions', String(rows.definitionId)))?.['input_schema']).toEqual(inputSchema);
  });

  it('a process that executes nothing declares where no worker has the workflow, and nothing else', async () => {
    const of = (minute: number): Code => ({ order: { id: rows.definitionId, schedules: { nightly: minute } } });
    await declare(of(1));
    await declare(of(2));
    expect(await inService()).toEqual({ nightly: ['order', 2] });
    await Process.boot(of(3));
    await declare(of(4));
    await declare({ mail: { id: await rows.addDefinition('mail', 1), schedules: { daily: 5 } } });
    await store.follow();
    expect(await inService()).toEqual({ nightly: ['order', 3], daily: ['mail', 5] });
  });

  it('a time that has come and is not fired yet stays where a living process was there for it, whatever the later code says', async () => {
    const code = (minute: number): Code => ({ order: { id: rows.definitionId, schedules: { tick: minute } } });
    const processes = [await Process.boot(code(1))];
    const isDue = `UPDATE durable.scheduled_workflows SET next_run_at = durable.clock() - interval '1 second' RETURNING next_run_at`;
    const next = async (text = 'SELECT next_run_at FROM durable.scheduled_workflows'): Promise<Date> =>
      (await rows.pool.query<{ next_run_at: Date }>(text)).rows[0]?.next_run_at ?? new Date(0);
    // It came before that process: what nobody was there for is missed, and the code says what comes.
    await next(isDue);
    processes.push(await Process.boot(code(2)));
    expect((await next()).getUTCMinutes()).toBe(2);
    await rows.pool.query(`UPDATE durable.workers SET started_at = now() - interval '1 minute'`);
    const due = await next(isDue);
    processes.push(await Process.boot(code(3)));
    expect(await next()).toEqual(due);
    for (const one of processes) await one.leave();
    await Process.boot(code(4));
    expect((await next()).getUTCMinutes()).toBe(4);
  });

  it('what people have set stays: whether it is enabled, and what updateSchedule() has changed', async () => {
    const of = (id: number, minute: number): Code => ({ order: { id, schedules: { nightly: minute, other: minute } } });
    await Process.boot(of(rows.definitionId, 1));
    await schedules.change('nightly', (state, now) => updated(state, { cron: cronAt(30) }, false, now));
    await rows.pool.query(
      `UPDATE durable.scheduled_workflows SET enabled = false, next_run_at = NULL WHERE name = 'other'`,
    );
    const late = await Process.boot(of(await rows.addDefinition('order', 2), 2));
    const kept = [
      { name: 'nightly', cron: cronAt(30), enabled: true },
      { name: 'other', enabled: false },
    ];
    expect(await schedules.list({ limit: 10 })).toMatchObject(kept);
    await late.leave();
    expect(await schedules.list({ limit: 10 })).toMatchObject(kept);
    await schedules.change('nightly', (state, now) => updated(state, {}, true, now));
    expect(await inService()).toEqual({ nightly: ['order', 1], other: ['order', 1] });
  });

  it('a boot stores what somebody has deleted; a process that comes or goes does not', async () => {
    const code: Code = { order: { id: rows.definitionId, schedules: { nightly: 1 } } };
    const first = await Process.boot(code);
    await schedules.delete('nightly');
    const other = await Process.boot({ mail: { id: await rows.addDefinition('mail', 1), schedules: {} } });
    await other.leave();
    expect(await inService()).toEqual({});
    await Process.boot(code);
    expect(await inService()).toEqual({ nightly: ['order', 1] });
    await first.leave();
  });

  it('are stored once by many processes that boot at the same time', async () => {
    const code: Code = { order: { id: rows.definitionId, schedules: { a: 1, b: 2, c: 3 } } };
    await Promise.all(Array.from({ length: 8 }, () => Process.boot(code)));
    expect(Object.keys(await inService())).toEqual(['a', 'b', 'c']);
    const { rows: stored } = await rows.pool.query('SELECT in_force FROM durable.declarations');
    expect(stored).toEqual([{ in_force: true }]);
  });
});

describe('the name of a schedule', () => {
  const mail = async (list: Record<string, number>): Promise<Code> => ({
    mail: { id: await rows.addDefinition('mail', 1), schedules: list },
  });
  const order = (list: Record<string, number>): Code => ({ order: { id: rows.definitionId, schedules: list } });

  it('that another workflow of a living process has stops the boot; both are named, and nothing is stored', async () => {
    const first = await Process.boot(order({ nightly: 1 }));
    const code = await mail({ nightly: 2, other: 3 });
    const refused = Process.boot(code);
    await expect(refused).rejects.toThrow(DefinitionError);
    await expect(refused).rejects.toThrow(/"nightly" of workflow "mail".*for workflow "order".*Set `name`/);
    expect(await inService()).toEqual({ nightly: ['order', 1] });
    await first.leave();
    await Process.boot(code);
    expect(await inService()).toEqual({ nightly: ['mail', 2], other: ['mail', 3] });
  });

  it('goes over to another workflow with the code, where that has both, and back with a rollback', async () => {
    const both = { ...order({}), ...(await mail({ nightly: 2 })) };
    const before: Code = { ...both, ...order({ nightly: 1 }), mail: { id: both.mail?.id ?? 0, schedules: {} } };
    const first = await Process.boot(before);
    const late = await Process.boot(both);
    expect(await inService()).toEqual({ nightly: ['mail', 2] });
    await first.leave();
    await Process.boot(before);
    expect(await inService()).toEqual({ nightly: ['mail', 2] });
    await late.leave();
    expect(await inService()).toEqual({ nightly: ['order', 1] });
  });

  it('that a client has given is taken over by its own workflow, and refused to another', async () => {
    await schedules.create(schedule('order', 'nightly', 1));
    await expect(mail({ nightly: 2 }).then(declare)).rejects.toThrow(
      /schedule\(\).*for workflow "order".*deleteSchedule/,
    );
    const first = await Process.boot(order({ nightly: 3 }));
    expect(await inService()).toEqual({ nightly: ['order', 3] });
    await first.leave();
    await Process.boot(order({}));
    expect(await inService()).toEqual({});
  });

  it("is nobody else's when two processes that boot at once both have it: the first keeps it, and the other is told", async () => {
    const first = await Process.boot(order({ nightly: 1 }));
    const id = await rows.addDefinition('mail', 1);
    const body = JSON.stringify({ schedules: [schedule('mail', 'nightly', 2)], inputSchema: null });
    // As if it had looked before the other was among the workers.
    const { rows: saved } = await rows.pool.query<{ id: number }>(sql('save-declarations', 'durable'), [
      JSON.stringify([{ kind: 'schedules', subject: 'mail', definition_id: id, hash: 'x', body }]),
    ]);
    await rows.pool.query(
      `INSERT INTO durable.workers (host, pid, version, queues, definitions, declarations, expires_at)
       VALUES ('h', 2, '1', '{default}', $1, $2, now() + interval '1 hour')`,
      [[id], saved.map((one) => one.id)],
    );
    for (let round = 0; round < 2; round++) {
      expect(await store.follow()).toEqual({
        schedules: false,
        queues: [],
        refused: [expect.stringContaining('Schedule "nightly" of workflow "mail"')],
      });
      expect(await inService()).toEqual({ nightly: ['order', 1] });
    }
    expect(await first.leave()).toMatchObject({ schedules: true, refused: [] });
    expect(await inService()).toEqual({ nightly: ['mail', 2] });
  });
});

describe('limits of a queue in a rollout', () => {
  const limits = (globalConcurrency: number | null): QueueLimits[] => [
    {
      queue: 'ai',
      globalConcurrency,
      rateLimit: { limit: globalConcurrency ?? 1, period: 1_000, counts: 'runs' },
      priorityAgeing: 5_000,
    },
  ];
  const stored = async (): Promise<unknown> => {
    const { rows: found } = await rows.pool.query<{ n: number }>(
      `SELECT global_concurrency AS n FROM durable.queue_settings WHERE queue = 'ai'`,
    );
    return found[0]?.n;
  };

  it.each([
    ['the definition has changed', 2],
    ['only the limits have', 1],
  ])('follow the latest code that lives, where %s', async (_what, versions) => {
    const one: Code = { order: { id: rows.definitionId, schedules: {} } };
    const two: Code = versions === 1 ? one : { order: { id: await rows.addDefinition('order', 2), schedules: {} } };
    const old = await Process.boot(one, limits(1));
    expect(await stored()).toBe(1);
    const late = await Process.boot(two, limits(8));
    expect(await stored()).toBe(8);
    await old.leave();
    const restarted = await Process.boot(one, limits(1));
    expect(await stored()).toBe(8);
    expect(await late.leave()).toMatchObject({ queues: ['ai'] });
    expect(await stored()).toBe(1);
    const last = await Process.boot(two, limits(null));
    expect(await stored()).toBe(null);
    await restarted.leave();
    await last.leave();
    expect(await stored()).toBe(null);
  });

  it('of a later definition hold at once, also where they say what an earlier one did', async () => {
    const of = async (version: number): Promise<Code> => ({
      order: { id: version === 1 ? rows.definitionId : await rows.addDefinition('order', version), schedules: {} },
    });
    await Process.boot(await of(1), limits(1));
    await Process.boot(await of(2), limits(8));
    await Process.boot(await of(3), limits(1));
    expect(await stored()).toBe(1);
  });

  it('leave a pause alone', async () => {
    await rows.pool.query(`INSERT INTO durable.queue_settings (queue, paused_at) VALUES ('ai', now())`);
    await Process.boot({}, limits(3));
    const { rows: found } = await rows.pool.query('SELECT paused_at IS NOT NULL AS paused FROM durable.queue_settings');
    expect([found, await stored()]).toEqual([[{ paused: true }], 3]);
  });
});

it('declarations that nobody has brought for a month are forgotten, but for what is in force or a worker has', async () => {
  const of = (minute: number): Code => ({ order: { id: rows.definitionId, schedules: { nightly: minute } } });
  const [gone, lives] = [await Process.boot(of(1)), await Process.boot(of(2))];
  await gone.leave();
  await Process.boot(of(3));
  await rows.pool.query(`UPDATE durable.declarations SET last_seen = now() - interval '31 days'`);
  await Process.boot({ mail: { id: await rows.addDefinition('mail', 1), schedules: {} } });
  const { rows: left } = await rows.pool.query(
    `SELECT subject, in_force FROM durable.declarations ORDER BY subject DESC, in_force`,
  );
  expect(left).toEqual([
    { subject: 'order', in_force: false },
    { subject: 'order', in_force: true },
    { subject: 'mail', in_force: true },
  ]);
  await lives.leave();
});

it('follows although the first session that it is given is lost', async () => {
  let lost = 0;
  const lender = {
    connect: () => (++lost === 1 ? Promise.reject(new ConnectionLostError('cut', false)) : rows.pool.connect()),
  };
  const followed = await new PgDeclarations(lender, 'durable', schedules).follow();
  expect(followed).toEqual({ schedules: false, queues: [], refused: [] });
  expect(lost).toBe(2);
});
