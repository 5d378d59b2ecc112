import type { INestApplicationContext, Type } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import {
  DefinitionError,
  DurableClient,
  DurableModule,
  type DurableModuleOptions,
  DurableQueues,
  Schedule,
  Step,
  Workflow,
} from 'nest-durable';
import { IsString } from 'class-validator';
import { createTestDatabase } from '../support/database.js';
import { Forks } from '../support/forks.js';
import { until } from '../support/until.js';

/** Two versions of the code on one database, with processes that come and go. */

let url: string;
const open = new Set<Pod>();

beforeEach(async () => {
  ({ url } = await createTestDatabase());
});

afterEach(async () => {
  await Promise.all([...open].map((pod) => pod.close()));
});

class Pod {
  private constructor(
    private readonly app: INestApplicationContext,
    readonly client: DurableClient,
    readonly queues: DurableQueues,
  ) {}

  static async boot(workflow: Type, options: Partial<DurableModuleOptions> = {}): Promise<Pod> {
    const module = await Test.createTestingModule({
      imports: [DurableModule.forRoot({ database: { url }, ...options })],
      providers: [workflow],
    }).compile();
    try {
      await module.init();
    } catch (error) {
      await module.close().catch(() => {});
      throw error;
    }
    const pod = new Pod(module, module.get(DurableClient), module.get(DurableQueues));
    open.add(pod);
    return pod;
  }

  async close(): Promise<void> {
    open.delete(this);
    await this.app.close();
  }

  async schedules(): Promise<Record<string, string | null>> {
    const list = await this.client.listSchedules();
    return Object.fromEntries(list.map(({ name, cron, removedAt }) => [name, removedAt === null ? cron : null]));
  }
}

@Workflow({ name: 'report' })
@Schedule({ name: 'nightly', cron: '0 0 1 1 *' })
@Schedule({ name: 'gone', cron: '0 0 1 1 *' })
class Early {
  @Step()
  collect(): void {}
}

@Workflow({ name: 'report', queue: 'ai' })
@Schedule({ name: 'nightly', cron: '* * * * * *' })
@Schedule({ name: 'fresh', cron: '0 0 1 1 *' })
class Late {
  @Step()
  collect(): void {}

  @Step()
  send(): void {}
}

class Narrow {
  @IsString()
  id!: string;
}

class Wide extends Narrow {
  @IsString()
  note!: string;
}

@Workflow({ name: 'order', input: Narrow })
class NarrowOrder {
  @Step()
  ship(): void {}
}

@Workflow({ name: 'order', input: Wide })
class WideOrder {
  @Step()
  ship(): void {}
}

@Workflow({ name: 'mail' })
@Schedule({ name: 'nightly', cron: '@daily' })
class Mail {
  @Step()
  send(): void {}
}

@Workflow({ name: 'something' })
class Unrelated {
  @Step()
  run(): void {}
}

const early = { nightly: '0 0 1 1 *', gone: '0 0 1 1 *' };
const late = { nightly: '* * * * * *', gone: null, fresh: '0 0 1 1 *' };

it('old code that restarts in a rollout takes no schedule away, and the new ones go on when it has left', async () => {
  const first = await Pod.boot(Early);
  expect(await first.schedules()).toEqual(early);
  const fresh = await Pod.boot(Late, { queues: { default: {}, ai: {} } });
  expect(await fresh.schedules()).toEqual(late);
  await first.close();
  const restarted = await Pod.boot(Early);
  expect(await fresh.schedules()).toEqual(late);
  // A start by name is one of the code that is in force, whoever was seen last.
  const client = await Pod.boot(Unrelated, { workers: false });
  expect((await (await client.client.start('report', {})).execution())?.queue).toBe('ai');
  await restarted.close();
  const count = (): Promise<number> => fresh.client.countExecutions({ workflow: 'report' });
  const before = await count();
  await until(async () => (await count()) > before + 1);
  expect(await fresh.schedules()).toEqual(late);
});

it('a rollback brings back the schedules and limits of the old code once the last process of the new has left', async () => {
  const limited = (globalConcurrency: number): Partial<DurableModuleOptions> => ({
    queues: { default: {}, ai: { globalConcurrency } },
  });
  const limit = async (pod: Pod): Promise<number | null> => (await pod.queues.status('ai'))?.globalConcurrency ?? null;
  const old = await Pod.boot(Early, limited(1));
  expect(await limit(old)).toBe(1);
  const fresh = [await Pod.boot(Late, limited(8)), await Pod.boot(Late, limited(8))];
  expect([await limit(old), await old.schedules()]).toEqual([8, late]);
  await fresh[0]?.close();
  expect([await limit(old), await old.schedules()]).toEqual([8, late]);
  await fresh[1]?.close();
  await until(async () => (await limit(old)) === 1);
  await until(async () => (await old.schedules())['fresh'] === null);
  expect(await old.schedules()).toEqual({ ...early, fresh: null });
});

it('the old code is followed again when the last process of the new was killed', async () => {
  const old = await Pod.boot(Early, { queues: { default: {}, ai: { globalConcurrency: 1 } } });
  const pods = new Forks(new URL('./rollout-pod.ts', import.meta.url));
  const limit = async (): Promise<unknown> => (await old.queues.status('ai'))?.globalConcurrency;
  try {
    const [first, second] = [await pods.start([url]), await pods.start([url])];
    const now = { nightly: '0 0 1 7 *', gone: null, fresh: '0 0 1 7 *' };
    expect([await old.schedules(), await limit()]).toEqual([now, 8]);
    await first.end('SIGKILL');
    await until(async () => (await old.queues.workers()).length === 2);
    expect([await old.schedules(), await limit()]).toEqual([now, 8]);
    await second.end('SIGKILL');
    await until(async () => (await limit()) === 1 && (await old.schedules())['fresh'] === null);
    expect(await old.schedules()).toEqual({ ...early, fresh: null });
  } finally {
    await pods.endAll();
  }
});

it('the schema of the input stays that of the later code while old code of the same steps restarts, and goes with it', async () => {
  const fields = async ({ client }: Pod): Promise<string[]> => {
    const [workflow] = await client.listWorkflows();
    return Object.keys((workflow?.inputSchema as { properties: object } | null)?.properties ?? {}).sort();
  };
  const first = await Pod.boot(NarrowOrder);
  expect(await fields(first)).toEqual(['id']);
  const fresh = await Pod.boot(WideOrder);
  expect(await fields(fresh)).toEqual(['id', 'note']);
  await first.close();
  const restarted = await Pod.boot(NarrowOrder);
  expect(await fields(restarted)).toEqual(['id', 'note']);
  // Nor does a process that runs none of it.
  await Pod.boot(NarrowOrder, { workers: false });
  expect(await fields(restarted)).toEqual(['id', 'note']);
  await fresh.close();
  await until(async () => (await fields(restarted)).length === 1);
  expect(await fields(restarted)).toEqual(['id']);
});

it('a schedule name that another workflow of a living process has stops the boot, naming both', async () => {
  const first = await Pod.boot(Early);
  const refused = Pod.boot(Mail);
  await expect(refused).rejects.toThrow(DefinitionError);
  await expect(refused).rejects.toThrow(/Schedule "nightly" of workflow "mail".*workflow "report"/);
  expect((await first.client.getSchedule('nightly'))?.workflow).toBe('report');
});
