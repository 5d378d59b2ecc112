import { Inject } from '@nestjs/common';
import { Branch, DefinitionChangedError, Step, waitForEvent, Workflow } from 'nest-durable';
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
