import { days, DurableWorkflow, sleep, Step, Workflow } from 'nest-durable';
import { createDurableTest } from 'nest-durable/testing';
import { onTestServer } from './support.js';

/** What a server or a role may be set to. */
const SETTINGS = [
  'extra_float_digits=-15',
  'DateStyle=SQL,DMY',
  'IntervalStyle=sql_standard',
  'TimeZone=America/St_Johns',
  'bytea_output=escape',
  'standard_conforming_strings=off',
  'default_transaction_isolation=serializable',
  'search_path=pg_catalog',
  'row_security=off',
  'idle_session_timeout=100',
];

@Workflow({ name: 'sleeper' })
class SleeperWorkflow extends DurableWorkflow<object, { slept: true }> {
  @Step()
  async nap() {
    await sleep(days(1));
    return { slept: true } as const;
  }
}

it('has a clock of whole ms, which stands where it was moved to, whatever the server is set to', async () => {
  const url = new URL(onTestServer.databaseUrl ?? '');
  url.searchParams.set('options', SETTINGS.map((setting) => `-c ${setting}`).join(' '));
  const test = await createDurableTest({ providers: [SleeperWorkflow] }, { databaseUrl: url.href });
  try {
    const begun = test.now().getTime();
    expect(Math.abs(begun - Date.now())).toBeLessThan(days(1));
    const run = await test.client.start(SleeperWorkflow, {});
    await test.advance(days(1) - 1);
    expect((await run.execution())?.status).toBe('waiting');
    expect(test.now().getTime()).toBe(begun + days(1) - 1);
    await test.advance(1);
    expect(await run.result()).toEqual({ slept: true });
  } finally {
    await test.close();
  }
});
