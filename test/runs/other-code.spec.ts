import { Inject } from '@nestjs/common';
import {
  Branch,
  DefinitionChangedError,
  Parallel,
  type ParallelResults,
  Step,
  unwrap,
  waitForEvent,
  Workflow,
} from 'nest-durable';
import { createTestDatabase } from '../support/database.js';
import { type App, openApp, present } from '../support/kit-app.js';
import { until } from '../support/until.js';

const mark = (data: object, step: string) => ({ ...data, [step]: true });

/** Versions of one workflow's code. */
@Workflow({ name: 'deployed' })
class First {
  @Step()
  one(data: object) {
    return mark(data, 'one');
  }

  @Step()
  async place(data: object) {
    return { ...data, first: await waitForEvent('go') };
  }

  @Step()
  last(data: object) {
    return mark(data, 'last');
  }
}

@Workflow({ name: 'deployed' })
class Inserted {
  @Step()
  zero(data: object) {
    return mark(data, 'zero');
  }

  @Step()
  one(data: object) {
    return mark(data, 'one');
  }

  @Step()
  before(data: object) {
    return mark(data, 'before');
  }

  @Step()
  async place(data: object) {
    return { ...data, second: await waitForEvent('go') };
  }

  @Step()
  after(data: object) {
    return mark(data, 'after');
  }

  @Step()
  last(data: object) {
    return mark(data, 'last');
  }
}

@Workflow({ name: 'deployed' })
class Gone {
  @Step()
  one(data: object) {
    return mark(data, 'one');
  }

  @Step()
  last(data: object) {
    return mark(data, 'last');
  }
}

@Workflow({ name: 'deployed' })
class OtherKind {
  @Step()
  one(data: object) {
    return mark(data, 'one');
  }

  @Branch({ default: 'last' })
  place() {
    return 'x';
  }

  @Step()
  last(data: object) {
    return mark(data, 'last');
  }
}

type Arms = ParallelResults<Record<string, object>>;

@Workflow({ name: 'armed' })
class BothArms {
  @Parallel(['quick', 'slow'])
  fanOut(data: object, results: Arms) {
    return { ...data, results: unwrap(results) };
  }

  @Step()
  quick() {
    return { quick: true };
  }

  @Step()
  async slow() {
    return { slow: await waitForEvent('go') };
  }
}

@Workflow({ name: 'armed' })
class SlowArm {
  @Parallel(['slow'])
  fanOut(data: object, results: Arms) {
    return { ...data, results: unwrap(results) };
  }

  @Step()
  async slow() {
    return { slow: await waitForEvent('go') };
  }
}

@Workflow({ name: 'armed' })
class QuickArm {
  @Parallel(['quick'])
  fanOut(data: object, results: Arms) {
    return { ...data, results: unwrap(results) };
  }

  @Step()
  quick() {
    return { quick: true };
  }
}

@Workflow({ name: 'placed' })
class Old {
  constructor(@Inject('PLACE') private readonly place: string) {}

  @Step()
  async run(data: { wait?: boolean }) {
    if (data.wait) await waitForEvent('go');
    return { place: this.place };
  }
}

@Workflow({ name: 'placed' })
class New {
  constructor(@Inject('PLACE') private readonly place: string) {}

  @Step()
  async run(data: { wait?: boolean }) {
    if (data.wait) await waitForEvent('go');
    return { place: this.place };
  }

  @Step()
  more() {}
}

const open: App[] = [];

async function deploy(url: string, ...providers: Parameters<typeof openApp>[1]): Promise<App> {
  const app = await openApp(url, providers);
  open.push(app);
  return app;
}

async function close(app: App): Promise<void> {
  open.splice(open.indexOf(app), 1);
  await app.app.close();
}

afterEach(async () => {
  await Promise.all(open.map(close));
});

/** A run of the first version that waits at its place, with no process left. */
async function waiting(url: string): Promise<string> {
  const old = await deploy(url, First);
  const { id } = await old.client.start('deployed', {});
  await until(async () => (await old.client.getExecution(id))?.status === 'waiting');
  await close(old);
  return id;
}

it('a run goes on from its place: members inserted before it are not run, those after it are', async () => {
  const { url } = await createTestDatabase();
  const id = await waiting(url);
  const { client } = await deploy(url, Inserted);
  await client.sendEvent(id, 'go', 1);
  expect(await client.handle(id).result()).toEqual({ one: true, second: 1, after: true, last: true });
});

it.each([
  ['is gone', Gone],
  ['is another kind of member', OtherKind],
])(
  'a run whose place %s is paused with DefinitionChangedError, until the code has it again',
  async (_what, version) => {
    const { url } = await createTestDatabase();
    const id = await waiting(url);
    const changed = await deploy(url, version);
    await changed.client.sendEvent(id, 'go', 1);
    await until(async () => (await changed.client.getExecution(id))?.status === 'paused');
    const paused = present(await changed.client.getExecution(id));
    expect(paused.error?.name).toBe(DefinitionChangedError.name);
    expect(paused.completedAt).toBeNull();
    expect((await changed.client.getSteps(id)).map(({ step }) => step)).not.toContain('last');
    await close(changed);
    const { client } = await deploy(url, Inserted);
    expect((await client.getExecution(id))?.status).toBe('paused');
    expect(await client.resume(id)).toBe(true);
    expect(await client.handle(id).result()).toEqual({ one: true, second: 1, after: true, last: true });
  },
);

it('an arm that is done is no place of the run: code that lacks it goes on, with its result; one that lacks an open arm does not', async () => {
  const { url } = await createTestDatabase();
  const old = await deploy(url, BothArms);
  const [first, second] = await old.client.startMany('armed', [{ input: {} }, { input: {} }]);
  for (const run of [first, second]) {
    await until(async () => (await present(run).execution())?.status === 'waiting');
    await present(run).pause();
  }
  await close(old);
  const lacksOpen = await deploy(url, QuickArm);
  await lacksOpen.client.resume(present(first).id);
  await lacksOpen.client.sendEvent(present(first).id, 'go', 1);
  const paused = await until(async () => {
    const run = await lacksOpen.client.getExecution(present(first).id);
    return run?.status === 'paused' && run.error !== null ? run : null;
  });
  expect(paused.error).toMatchObject({ name: DefinitionChangedError.name, path: 'fanOut.slow' });
  await close(lacksOpen);
  const { client } = await deploy(url, SlowArm);
  for (const { id } of [present(first), present(second)]) {
    await client.resume(id);
    if (id === second?.id) await client.sendEvent(id, 'go', 1);
    expect(await client.handle(id).result()).toEqual({ results: { quick: { quick: true }, slow: { slow: 1 } } });
  }
});

it('earlier code leaves runs of later code alone while a process has it, and takes them after a rollback', async () => {
  const { url } = await createTestDatabase();
  const at = (place: string) => ({ provide: 'PLACE', useValue: place });
  const old = await deploy(url, Old, at('old'));
  const { id: early } = await old.client.start('placed', {});
  expect(await old.client.handle(early).result()).toEqual({ place: 'old' });
  const later = await deploy(url, New, at('new'));
  const runs = await later.client.startMany(
    'placed',
    [1, 2, 3, 4, 5, 6, 7, 8].map(() => ({ input: {} })),
  );
  const results = await Promise.all(runs.map((run) => run.result()));
  expect(results).toEqual(runs.map(() => ({ place: 'new' })));
  const { id: left } = await later.client.start('placed', { wait: true });
  await until(async () => (await later.client.getExecution(left))?.status === 'waiting');
  await close(later);
  await old.client.sendEvent(left, 'go');
  expect(await old.client.handle(left).result()).toEqual({ place: 'old' });
});
