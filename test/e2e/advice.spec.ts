import { type INestApplicationContext, Logger } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import {
  callWorkflow,
  DurableClient,
  DurableModule,
  DurableWorkflow,
  ForEach,
  Parallel,
  putContext,
  sleep,
  Step,
  waitForEvent,
  Workflow,
} from 'nest-durable';
import { Bodies } from '../support/bodies.js';
import { createTestDatabase } from '../support/database.js';

/** What is lost in silence is told once. */

type Data = Record<string, unknown> & { body: string };
const bodies = new Bodies();

@Workflow({ name: 'order' })
class OrderWorkflow extends DurableWorkflow<Data> {
  @Step()
  async ship(data: Data) {
    return (await bodies.call(data.body, data)) as undefined;
  }
}

@Workflow({ name: 'fans' })
class FansWorkflow extends DurableWorkflow<Data> {
  @Parallel(['left'])
  collect(data: Data) {
    data['collected'] = true;
  }

  @Step()
  left() {}

  @ForEach('item', { results: 'none' })
  loop() {
    return [{ n: 1 }];
  }

  @Step()
  item(item: { n: number }) {
    item.n++;
  }
}

let app: INestApplicationContext;
let client: DurableClient;
let warnings: string[];

beforeEach(async () => {
  warnings = [];
  const { url } = await createTestDatabase();
  const silent = (): void => {};
  const logger = { log: silent, error: silent, debug: silent, warn: (message: string) => void warnings.push(message) };
  const module = await Test.createTestingModule({
    imports: [DurableModule.forRoot({ database: { url }, logs: { enabled: false } })],
    providers: [OrderWorkflow, FansWorkflow],
  })
    .setLogger(logger)
    .compile();
  app = await module.init();
  client = app.get(DurableClient);
});

afterEach(async () => {
  await app.close();
  Logger.overrideLogger(true);
});

async function run(body: (data: Data) => unknown, more: object = {}): Promise<unknown> {
  const name = bodies.add(body as Parameters<Bodies['add']>[0]);
  return (await client.start(OrderWorkflow, { body: name, ...more })).result();
}

describe('an input that is changed in place by a step that returns nothing', () => {
  it('is warned of once, with workflow, step and what mends it', async () => {
    const change = (data: Data): void => {
      data['shipped'] = true;
    };
    for (let n = 0; n < 3; n++) expect(await run(change)).not.toHaveProperty('shipped');
    expect(warnings).toEqual([expect.stringMatching(/"ship".*"order".*in place.*Return.*putContext\(\)/s)]);
  });

  it('is so for what cannot be stored', async () => {
    await run((data) => void (data['reply'] = () => {}));
    expect(warnings).toHaveLength(1);
  });

  it('is so deep in large data', async () => {
    const large = { list: Array.from({ length: 2_000 }, (_, n) => ({ n })) };
    await run((data) => void (data['list'] as { n: number }[])[1_999]!.n++, large); // oxlint-disable-line no-non-null-assertion
    expect(warnings).toHaveLength(1);
  });

  it('is so for a collector and an item of a loop', async () => {
    await (await client.start(FansWorkflow, { body: '' })).result();
    expect(warnings).toEqual([expect.stringContaining('"collect"'), expect.stringContaining('"item"')]);
  });

  it('is no matter of a step that leaves it alone, writes it, or returns it', async () => {
    const dates = { at: new Date(), set: new Set([1]), none: undefined, zero: -0 };
    await run(() => undefined, dates);
    await run(() => putContext('shipped', true), dates);
    await run((data) => Object.assign(data, { shipped: true }), dates);
    await run((data) => ({ ...data, shipped: true }), dates);
    expect(warnings).toEqual([]);
  });
});

describe('a wait that is asked for and not awaited', () => {
  it('is warned of once, with workflow, step and what mends it', async () => {
    for (let n = 0; n < 3; n++) {
      await run(() => {
        void waitForEvent('paid');
        void callWorkflow(FansWorkflow, { body: '' });
      });
    }
    expect(warnings).toEqual([
      expect.stringMatching(
        /"ship".*"order".*waitForEvent\("paid"\), callWorkflow\("FansWorkflow"\).*Await.*startWorkflow\(\)/s,
      ),
    ]);
  });

  it('is no matter of one that is awaited, raced, or handed on, whichever way', async () => {
    await run(() => Promise.race([waitForEvent('a'), waitForEvent('b'), sleep(1)]).then(() => undefined));
    await run(() => Promise.any([waitForEvent('a', { timeout: 1 }), sleep(5)]).then(() => undefined));
    await run(() => {
      waitForEvent('a').catch(() => {});
    });
    await run(async () => {
      const wait = sleep(1);
      await Promise.resolve();
      await wait;
    });
    await run(() => sleep(1));
    expect(warnings).toEqual([]);
  });
});
