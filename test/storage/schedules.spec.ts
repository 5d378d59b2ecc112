import { newRun } from '../../lib/core/run/new-run.js';
import { setTimeout as pause } from 'node:timers/promises';
import { ScheduleExistsError, ScheduleNotFoundError } from '../../lib/core/errors/errors.js';
import {
  type ScheduleDeclaration,
  type ScheduleSettings,
  switchedOff,
  switchedOn,
  updated,
} from '../../lib/core/time/schedule.js';
import { uuidv7 } from '../../lib/core/uuid.js';
import { type RegisteredWorkflow, Registry } from '../../lib/engine/ports/registry.js';
import { Scheduler } from '../../lib/engine/worker/scheduler.js';
import { PgScheduleStore } from '../../lib/storage/schedules/schedule-store.js';
import { PgSchedules } from '../../lib/storage/schedules/schedules.js';
import { transaction } from '../../lib/storage/connection/transaction.js';
import { Forks } from '../support/forks.js';
import { Gate } from '../testing/support.js';
import { Rows } from './rows.js';

const today = new Date();
/** A due time half a year away, and what is due then each year: no test comes near one. */
const FAR = new Date(Date.UTC(today.getUTCFullYear(), today.getUTCMonth() + 6, 1));
const YEARLY = `0 0 1 ${FAR.getUTCMonth() + 1} *`;
/** Half a day away. */
const DAILY = `0 ${(today.getUTCHours() + 12) % 24} * * *`;
const DAY = 86_400_000;
const HOUR = 3_600_000;

let rows: Rows;
let schedules: PgSchedules;
const nodes: Scheduler[] = [];
const trouble: string[] = [];

beforeEach(async () => {
  rows = await Rows.open();
  schedules = new PgSchedules(rows.pool, 'durable');
  trouble.length = 0;
});

afterEach(async () => {
  await Promise.all(nodes.splice(0).map((one) => one.stop()));
  await rows.close();
});

function declare(name: string, settings: Partial<ScheduleSettings> = {}, workflow = 'order'): ScheduleDeclaration {
  return {
    name,
    workflow,
    enabled: true,
    settings: {
      cron: YEARLY, timezone: 'UTC', input: '{"n":1}', queue: null,
      overlap: 'allow', catchUp: 'latest', catchUpWindow: DAY, catchUpLimit: 100, ...settings,
    },
  }; // prettier-ignore
}

/** A scheduler that looks when it is told to. */
function node(workflow: Partial<RegisteredWorkflow> = {}, name = 'order'): Scheduler {
  const registry = new Registry();
  registry.add({
    definition: { name, queue: 'default', priority: 3 },
    definitionId: rows.definitionId,
    retryIf: new Map(),
    concurrencyKey: null,
    validateInput: null,
    ...workflow,
  } as unknown as RegisteredWorkflow);
  const scheduler = new Scheduler({
    store: new PgScheduleStore(rows.pool, 'durable'),
    registry,
    worker: () => 0,
    interval: 600_000,
    onWork: () => {},
    onTrouble: (message) => trouble.push(message),
  });
  scheduler.start();
  nodes.push(scheduler);
  return scheduler;
}

/** Makes schedules due: their next time was so many ms ago. */
async function dueSince(ms: number, name = '%'): Promise<void> {
  await rows.pool.query(
    `UPDATE durable.scheduled_workflows SET next_run_at = date_trunc('second', now()) - $1 * interval '1 ms' WHERE name LIKE $2`,
    [ms, name],
  );
}

/** Sets the clock of workflows a minute after the n-th hour from a full one. */
async function clockAt(hour: Date, n: number): Promise<void> {
  const ahead = Math.round(hour.getTime() + (n - 1) * HOUR + 60_000 - Date.now());
  await rows.pool.query(
    `CREATE OR REPLACE FUNCTION durable.clock() RETURNS timestamptz LANGUAGE sql STABLE
      AS 'SELECT now() + interval ''${ahead} ms'''`,
  );
}

/** All runs have ended. */
async function endAll(): Promise<void> {
  await rows.pool.query('DELETE FROM durable.workflow_queue');
}

interface Run {
  readonly id: string;
  readonly schedule_time: Date;
  readonly key: string;
}

/** A node that stands still in its check until it is let go. */
function stuck() {
  const begun = new Gate();
  const go = new Gate();
  const validateInput = async (): Promise<void> => {
    begun.open();
    await go.promise;
  };
  return { scheduler: node({ validateInput }), begun, go };
}

async function countOf(query: string, values: unknown[] = []): Promise<number> {
  return (await rows.pool.query(query, values)).rowCount ?? 0;
}

async function runs(): Promise<Run[]> {
  const found = await rows.pool.query<Run>(
    `SELECT id, schedule_time, idempotency_key AS key FROM durable.workflow_executions ORDER BY schedule_time, id`,
  );
  return found.rows;
}

describe('one due time', () => {
  it('starts a run with the time, the input and the place in the queue, and sets the next', async () => {
    await schedules.create(declare('report', { queue: 'ai' }));
    await dueSince(1_000);
    const due = (await schedules.find('report'))?.schedule.nextRunAt;
    await node().look();
    const [run, ...others] = await runs();
    expect(others).toEqual([]);
    expect(run?.schedule_time).toEqual(due);
    expect(await rows.one('workflow_executions', run?.id ?? '')).toMatchObject({
      workflow: 'order', queue: 'ai', priority: 3, input: '{"n":1}', scheduled_at: due, definition_id: rows.definitionId,
    }); // prettier-ignore
    expect(await rows.one('workflow_queue', run?.id ?? '')).toMatchObject({ state: 'ready', queue: 'ai', token: 0 });
    const after = await schedules.find('report');
    expect(after?.schedule.nextRunAt).toEqual(FAR);
    expect(after?.schedule.lastRunAt?.getTime()).toBeGreaterThan(Date.now() - 60_000);
    expect(trouble).toEqual([]);
  });

  it('starts one run, however many schedulers look at once', async () => {
    for (let n = 0; n < 10; n++) await schedules.create(declare(`s${n}`));
    const schedulers = Array.from({ length: 6 }, () => node());
    for (let round = 1; round <= 10; round++) {
      await dueSince(round * 1_000_000);
      await Promise.all(schedulers.map((one) => one.look()));
      // Whoever was passed over by all at this moment is found by the next look.
      await schedulers[0]?.look();
      expect(await runs()).toHaveLength(round * 10);
    }
    expect(new Set((await runs()).map((run) => run.key)).size).toBe(100);
  });

  it('is checked by the app with nothing locked: a process that stands still in its check keeps nobody from the schedule', async () => {
    await schedules.create(declare('report'));
    await dueSince(1_000);
    const { scheduler, begun, go } = stuck();
    const slow = scheduler.look();
    await begun.promise;
    await schedules.change('report', (state, now) => updated(state, { input: '{"n":2}' }, false, now));
    await dueSince(1_000);
    await node().look();
    expect(await runs()).toHaveLength(1);
    go.open();
    await slow;
    expect(await runs()).toHaveLength(1);
  });

  it('is checked again where its input was changed while it was checked', async () => {
    await schedules.create(declare('report'));
    await dueSince(1_000);
    const seen: unknown[] = [];
    await node({
      validateInput: async (input) => {
        seen.push(input);
        if (seen.length > 1) return;
        await schedules.change('report', (state, now) => updated(state, { input: '{"n":2}' }, false, now));
        await dueSince(1_000);
      },
    }).look();
    expect(seen).toEqual([{ n: 1 }, { n: 2 }]);
    expect(await rows.one('workflow_executions', (await runs())[0]?.id ?? '')).toMatchObject({ input: '{"n":2}' });
  });

  it('that another process was faster with leaves nothing of its check for the later ones', async () => {
    await schedules.create(declare('report', { cron: '0 * * * *', overlap: 'skip' }));
    const { scheduler: slow, begun, go } = stuck();
    const other = node();
    // Each looks by itself when it starts.
    await Promise.all([slow.look(), other.look()]);
    const hour = new Date(Math.ceil(Date.now() / HOUR) * HOUR);
    await clockAt(hour, 1);
    const look = slow.look();
    await begun.promise;
    await other.look();
    go.open();
    await look;
    await clockAt(hour, 2);
    await endAll();
    await other.look();
    await clockAt(hour, 3);
    await endAll();
    await slow.look();
    expect((await runs()).map((run) => run.schedule_time.getTime() - hour.getTime())).toEqual([0, HOUR, 2 * HOUR]);
    expect((await schedules.find('report'))?.schedule.nextRunAt?.getTime()).toBe(hour.getTime() + 3 * HOUR);
  });

  it('is left alone where what its code declares cannot be read; the others go on, and it is listed', async () => {
    await schedules.create(declare('bad'));
    await schedules.create(declare('good'));
    await rows.pool.query(`UPDATE durable.scheduled_workflows SET declared = '{' WHERE name = 'bad'`);
    await dueSince(2_000, 'bad');
    await dueSince(1_000, 'good');
    await node().look();
    expect((await runs()).map(({ key }) => key.split(':')[1])).toEqual(['good']);
    expect(trouble).toEqual([
      expect.stringContaining('Schedule "bad" cannot be fired by this process: what its code declares'),
    ]);
    const list = await schedules.list({ limit: 10 });
    expect(list.map(({ name }) => name)).toEqual(['bad', 'good']);
    await expect(schedules.change('bad', switchedOff)).rejects.toThrow('Schedule "bad": what its code declares');
    await schedules.delete('bad');
  });

  const UNREADABLE = { name: 'Error', message: 'The stored error cannot be read.' };

  it.each([
    ['an input that is cut short', `input = '{"a":'`, { input: undefined, lastError: null }],
    ['an input of a kind that is not known', `input = '{"$durable":"cloud"}'`, { input: undefined, lastError: null }],
    ['an error that is cut short', `last_error = '{'`, { input: { n: 1 }, lastError: UNREADABLE }],
    ['an error that is a number', `last_error = '7'`, { input: { n: 1 }, lastError: UNREADABLE }],
    ['an error that is null', `last_error = 'null'`, { input: { n: 1 }, lastError: UNREADABLE }],
  ])('is listed, and the others with it, with %s', async (_what, fault, shown) => {
    await schedules.create(declare('bad'));
    await schedules.create(declare('good'));
    await rows.pool.query(`UPDATE durable.scheduled_workflows SET ${fault} WHERE name = 'bad'`);
    expect(await schedules.list({ limit: 10 })).toMatchObject([{ name: 'bad', ...shown }, { name: 'good' }]);
    expect(await schedules.get('bad')).toMatchObject(shown);
    await schedules.change('bad', (state, now) => updated(state, { input: '{"n":2}' }, false, now));
    expect((await schedules.get('bad'))?.input).toEqual({ n: 2 });
  });

  it('is mended by code that declares it, where what it declared before cannot be read', async () => {
    const declaration = declare('report');
    await transaction(rows.pool, (query) => schedules.put(query, 'order', [declaration], () => false));
    await rows.pool.query(`UPDATE durable.scheduled_workflows SET declared = '{'`);
    await transaction(rows.pool, (query) => schedules.put(query, 'order', [declaration], () => false));
    expect((await schedules.find('report'))?.state.declared).toEqual(declaration.settings);
  });

  it('starts no second run when the clock is set back, or the schedule is changed at that moment', async () => {
    await schedules.create(declare('report'));
    await dueSince(5_000);
    const due = (await schedules.find('report'))?.schedule.nextRunAt;
    await node().look();
    await rows.pool.query('UPDATE durable.scheduled_workflows SET next_run_at = $1', [due]);
    await nodes[0]?.look();
    expect(await runs()).toHaveLength(1);
    expect((await schedules.find('report'))?.schedule.nextRunAt?.getTime()).toBeGreaterThan(Date.now());
  });

  it("is nobody else's business: neither of a workflow that is not known, nor of one locked by another", async () => {
    await schedules.create(declare('report'));
    await dueSince(1_000);
    await node({}, 'other').look();
    expect(await runs()).toEqual([]);
    const client = await rows.pool.connect();
    await client.query('BEGIN');
    await client.query('SELECT FROM durable.scheduled_workflows FOR UPDATE');
    const known = node();
    await known.look();
    expect(await runs()).toEqual([]);
    await client.query('ROLLBACK');
    client.release();
    await known.look();
    expect(await runs()).toHaveLength(1);
  });

  it('is started by the latest code that is in force, not by older code, whose check may not know its input', async () => {
    const later = await rows.addDefinition('order', 2);
    await schedules.create(declare('report', { input: '{"late":true}' }));
    await dueSince(1_000);
    await rows.pool.query(
      `INSERT INTO durable.declarations (kind, subject, definition_id, hash, body, in_force)
       VALUES ('schedules', 'order', $1, '', '[]', true)`,
      [later],
    );
    const refuses = async (): Promise<void> => {
      throw new Error('What is that?');
    };
    await node({ validateInput: refuses }).look();
    expect(await runs()).toEqual([]);
    await node({ definitionId: later }).look();
    const [run] = await runs();
    expect(await rows.one('workflow_executions', run?.id ?? '')).toMatchObject({ definition_id: later });
    expect((await schedules.find('report'))?.schedule.consecutiveFailures).toBe(0);
  });

  it('is left alone where its zone is not known, and the others go on', async () => {
    await schedules.create(declare('a'));
    await schedules.create(declare('b'));
    await rows.pool.query(`UPDATE durable.scheduled_workflows SET timezone = 'Mars/Olympus' WHERE name = 'a'`);
    await dueSince(1_000);
    await node().look();
    expect((await runs()).map((run) => run.key)).toEqual([expect.stringMatching(/^schedule:b:/)]);
    expect(trouble).toEqual([expect.stringContaining('Schedule "a" cannot be fired by this process')]);
    expect((await schedules.find('a'))?.schedule).toMatchObject({ enabled: true, consecutiveFailures: 0 });
  });
});

describe.each(['none', 'latest'] as const)(
  'a due time that is late by less than 10 s, with catchUp "%s",',
  (catchUp) => {
    const late = async (): Promise<{ times: number[]; until: number }> => {
      await schedules.create(declare('ticks', { cron: '* * * * * *', catchUp }));
      await dueSince(4_000);
      await node().look();
      const next = (await schedules.find('ticks'))?.schedule.nextRunAt?.getTime() ?? NaN;
      return { times: (await runs()).map((run) => run.schedule_time.getTime()), until: next };
    };
    const added = (column: string): Promise<unknown> =>
      rows.pool.query(
        `INSERT INTO durable.workers (host, pid, version, queues, definitions, started_at, ${column})
       VALUES ('h', 1, '1', '{default}', '{${rows.definitionId}}', now() - interval '1 hour',
         ${column === 'expires_at' ? "now() + interval '1 minute'" : "now(), now() + interval '1 minute'"})`,
      );

    it('has its run from a process that has just come, where another that lives has stood still', async () => {
      await added('expires_at');
      const { times, until } = await late();
      expect(times.length).toBeGreaterThanOrEqual(5);
      expect(times).toEqual(times.map((_, n) => until - (times.length - n) * 1_000));
    });

    it('was missed where no process lived that has its code', async () => {
      await added('dead_at, expires_at');
      await rows.pool.query(
        `INSERT INTO durable.workers (host, pid, version, queues, definitions, started_at, expires_at)
       VALUES ('h', 1, '1', '{default}', '{}', now() - interval '1 hour', now() + interval '1 minute')`,
      );
      const { times } = await late();
      // Of this very second, if any, besides the one that is made up for.
      expect(times.length).toBeLessThanOrEqual(catchUp === 'none' ? 1 : 2);
    });
  },
);

describe('overlap', () => {
  const start = async (times = 1): Promise<number> => {
    for (let n = 0; n < times; n++) {
      await dueSince(10_000 * (n + 1) + (await runs()).length);
      await (nodes[0] ?? node()).look();
    }
    return (await runs()).length;
  };

  it("'skip' starts none while one is unfinished; a paused one does not count", async () => {
    await schedules.create(declare('report', { overlap: 'skip' }));
    expect(await start(3)).toBe(1);
    const [first] = await runs();
    await rows.pool.query('UPDATE durable.workflow_queue SET paused = true WHERE id = $1', [first?.id]);
    expect(await start(2)).toBe(2);
    await rows.pool.query('DELETE FROM durable.workflow_queue WHERE id <> $1', [first?.id]);
    await rows.pool.query('UPDATE durable.workflow_queue SET paused = false');
    // Resumed, it is unfinished again, though it was not the last to start.
    expect(await start()).toBe(2);
    await rows.pool.query('DELETE FROM durable.workflow_queue');
    expect(await start()).toBe(3);
  });

  it("'skip' counts a run that was triggered, and the last one of a schedule that allowed it", async () => {
    await schedules.create(declare('report'));
    expect(await start(2)).toBe(2);
    await schedules.change('report', (state, now) => updated(state, { overlap: 'skip' }, false, now));
    expect(await start()).toBe(2);
    await rows.pool.query('DELETE FROM durable.workflow_queue');
    const id = uuidv7();
    await schedules.trigger(
      'report',
      newRun({ id, workflow: 'order', definitionId: rows.definitionId, queue: 'default', priority: 0, input: '{}' }),
    );
    expect(await start()).toBe(3);
    expect((await runs()).find((run) => run.id === id)).toMatchObject({ schedule_time: null });
  });

  it("'skip' starts one of the times to make up for, 'allow' all", async () => {
    const missed = { catchUp: 'all', cron: DAILY, catchUpWindow: 30 * DAY } as const;
    await schedules.create(declare('skips', { ...missed, overlap: 'skip' }));
    await schedules.create(declare('allows', { ...missed, catchUpLimit: 7 }));
    await dueSince(10 * DAY);
    await node().look();
    const keys = (await runs()).map((run) => run.key.split(':')[1]);
    expect(keys.filter((key) => key === 'skips')).toHaveLength(1);
    expect(keys.filter((key) => key === 'allows')).toHaveLength(7);
  });
});

describe('a start that fails', () => {
  it('is counted, ten in a row disable the schedule, and the others go on', async () => {
    await schedules.create(declare('bad'));
    await schedules.create(declare('good', { input: '{"good":true}' }));
    const validateInput = async (input: unknown): Promise<void> => {
      if (!(input as { good?: boolean }).good) throw new Error('not good');
    };
    const scheduler = node({ validateInput });
    for (let n = 1; n <= 11; n++) {
      await rows.pool.query(
        `UPDATE durable.scheduled_workflows SET next_run_at = now() - $1 * interval '1 s' WHERE enabled`, [12 - n],
      ); // prettier-ignore
      await scheduler.look();
      expect((await schedules.find('bad'))?.schedule.consecutiveFailures).toBe(Math.min(n, 10));
    }
    const { schedule } = (await schedules.find('bad')) ?? {};
    expect(schedule).toMatchObject({ enabled: false, nextRunAt: null, lastError: { message: 'not good' } });
    expect(schedule?.autoDisabledAt).toEqual(schedule?.lastErrorAt);
    expect(await runs()).toHaveLength(11);
    expect(trouble).toHaveLength(10);
    expect(trouble.at(-1)).toContain('It is disabled after 10 failures in a row');
    await schedules.change('bad', switchedOn);
    expect((await schedules.find('bad'))?.schedule).toMatchObject({
      enabled: true, consecutiveFailures: 0, autoDisabledAt: null, lastError: { message: 'not good' },
    }); // prettier-ignore
  });

  it('because of the database is one too, and is kept with the next time in one commit', async () => {
    await schedules.create(declare('bad'));
    await rows.pool.query(`ALTER TABLE durable.workflow_executions ADD CONSTRAINT host CHECK (workflow <> 'order')`);
    await dueSince(1_000);
    await node().look();
    const { schedule } = (await schedules.find('bad')) ?? {};
    expect(schedule).toMatchObject({ consecutiveFailures: 1, lastError: { code: '23514' } });
    expect(schedule?.nextRunAt?.getTime()).toBeGreaterThan(Date.now());
    expect(JSON.stringify(schedule?.lastError)).not.toContain('Failing row');
  });

  it('because the input cannot be read is one too', async () => {
    await schedules.create(declare('bad'));
    await rows.pool.query(`UPDATE durable.scheduled_workflows SET input = '{'`);
    await dueSince(1_000);
    await node().look();
    const { rows: found } = await rows.pool.query(
      'SELECT consecutive_failures AS n, last_error FROM durable.scheduled_workflows',
    );
    expect(found).toEqual([{ n: 1, last_error: expect.stringContaining('SERIALIZATION') }]);
  });
});

describe('what a client makes', () => {
  it('names are taken and known', async () => {
    await schedules.create(declare('daily'));
    await expect(schedules.create(declare('daily'))).rejects.toThrow(ScheduleExistsError);
    const made = await Promise.allSettled(Array.from({ length: 10 }, () => schedules.create(declare('one'))));
    expect(made.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    await expect(schedules.change('dayly', switchedOff)).rejects.toThrow('Did you mean "daily"?');
    await expect(schedules.delete('dayly')).rejects.toThrow(ScheduleNotFoundError);
    await schedules.delete('daily');
    expect(await schedules.find('daily')).toBeNull();
  });
});

describe.each([2, 6])('%i processes, 40 schedules of every second, kills at random', (count) => {
  const processes = new Forks(new URL('./scheduler-node.ts', import.meta.url));

  const begin = () => processes.start([rows.url, String(rows.definitionId)]);

  const kill = async (): Promise<void> => {
    const { alive } = processes;
    await alive[Math.floor(Math.random() * alive.length)]?.end('SIGKILL');
  };

  // Before its database goes.
  afterEach(() => processes.endAll());

  it('start exactly one run for each due time', async () => {
    await Promise.all(
      Array.from({ length: 40 }, (_, n) =>
        schedules.create(declare(`s${n}`, { cron: '* * * * * *', catchUp: 'all', catchUpLimit: 1_000 })),
      ),
    );
    await Promise.all(Array.from({ length: count }, begin));
    let kills = 0;
    for (let seen = 0; kills < 5;) {
      await pause(20);
      const all = await countOf('SELECT FROM durable.workflow_executions');
      // Each time that something was fired meanwhile.
      if (all < seen + 20) continue;
      seen = all;
      await kill();
      kills++;
      await begin();
    }
    // The last fault is over: each of them is fired for a time that came after it, then they are stopped.
    const { rows: over } = await rows.pool.query<{ at: Date }>(`SELECT now() + interval '1 s' AS at`);
    const late = 'SELECT FROM durable.scheduled_workflows WHERE next_run_at <= $1';
    while ((await countOf(late, [over[0]?.at])) > 0) await pause(20);
    for (let n = 0; n < 40; n++) await schedules.change(`s${n}`, switchedOff);
    await processes.endAll();
    const { rows: perSchedule } = await rows.pool.query<{ n: number; times: number; span: number }>(
      `SELECT count(*)::integer AS n, count(DISTINCT schedule_time)::integer AS times,
              extract(epoch FROM max(schedule_time) - min(schedule_time))::integer + 1 AS span
         FROM durable.workflow_executions GROUP BY split_part(idempotency_key, ':', 2)`,
    );
    expect(perSchedule).toHaveLength(40);
    for (const { n, times, span } of perSchedule) expect([n, times]).toEqual([span, span]);
    expect(kills).toBe(5);
  }, 240_000);
});
