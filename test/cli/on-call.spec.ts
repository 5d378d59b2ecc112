import type { Provider } from '@nestjs/common';
import { readFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import {
  type DurableModuleOptions,
  Schedule,
  Step,
  waitForApproval,
  waitForEvent,
  Workflow,
  type WorkflowHandle,
} from 'nest-durable';
import pg from 'pg';
import { createTestDatabase } from '../support/database.js';
import { type FaultApp, openApp } from '../support/faults/app.js';
import { Gates } from '../support/plain-app.js';
import { until } from '../support/until.js';
import { cliOn, normalised } from './support.js';

/**
 * docs/how-to/on-call.md: each situation is made, and what its commands print is what stands on the page, but for ids and times.
 * UPDATE_ON_CALL=1 writes the page anew.
 */

const FILE = new URL('../../docs/how-to/on-call.md', import.meta.url);

class GatewayError extends Error {
  override readonly name = 'GatewayError';
}

const gates = new Gates();
let gatewayIsUp = false;

@Workflow({ name: 'process_order' })
class OrderWorkflow {
  @Step()
  validate() {}

  @Step()
  reserve() {}

  @Step({ retry: { maxAttempts: 2, initialDelay: 1, jitter: false } })
  charge({ amount = 20 }: { amount?: number }) {
    if (!gatewayIsUp) throw new GatewayError(`the gateway answered 503 for ${amount} EUR`);
  }

  @Step()
  ship() {}
}

@Workflow({ name: 'expense' })
class ExpenseWorkflow {
  @Step()
  check() {}

  @Step()
  async approve() {
    await waitForApproval('approve', { prompt: 'Pay 1200 EUR to Ada?', timeout: 86_400_000 });
  }
}

@Workflow({ name: 'checkout' })
class CheckoutWorkflow {
  @Step()
  async pay() {
    await waitForEvent('paid');
  }

  @Step()
  ship() {}
}

@Workflow({ name: 'newsletter', queue: 'mail' })
class NewsletterWorkflow {
  @Step()
  send() {}
}

@Workflow({ name: 'import' })
class ImportWorkflow {
  @Step()
  async read() {
    await gates.pass('import');
  }
}

/** As it was before the deploy. */
@Workflow({ name: 'trip' })
class OldTripWorkflow {
  @Step()
  async confirm() {
    await waitForEvent('confirmed');
  }
}

@Workflow({ name: 'trip' })
class NewTripWorkflow {
  @Step()
  async book() {
    await waitForEvent('confirmed');
  }
}

@Workflow({ name: 'nightly_report' })
@Schedule({ cron: '0 2 * * *', timezone: 'Europe/Berlin' })
class ReportWorkflow {
  @Step()
  report() {}
}

const apps: FaultApp[] = [];
let url: string;

beforeEach(async () => {
  gatewayIsUp = false;
  ({ url } = await createTestDatabase({ breaksRows: true }));
});

afterEach(async () => {
  gates.openAll();
  await Promise.all(apps.splice(0).map((app) => app.close()));
});

async function open(options: DurableModuleOptions, ...workflows: Provider[]): Promise<FaultApp> {
  const app = await openApp({ database: { url }, report: 'none', ...options }, workflows);
  apps.push(app);
  return app;
}

async function inStatus(run: WorkflowHandle<unknown>, status: string): Promise<void> {
  await until(async () => (await run.execution())?.status === status);
}

/** Makes the situation of each heading; gives the runs that its commands name, in order. */
const SITUATIONS: Readonly<Record<number, () => Promise<readonly WorkflowHandle<unknown>[]>>> = {
  async 1() {
    const { client } = await open(
      { queues: { default: { concurrency: 10 } } },
      OrderWorkflow,
      ExpenseWorkflow,
      ReportWorkflow,
    );
    await failing(client, 3);
    await inStatus(await client.start(ExpenseWorkflow, {}), 'waiting');
    gatewayIsUp = true;
    await (await client.start(OrderWorkflow, {})).result();
    return [];
  },
  async 2() {
    const { client } = await open({}, OrderWorkflow);
    return [(await failing(client, 4)).at(-1)].filter((run) => run !== undefined);
  },
  async 3() {
    const { client } = await open({}, OrderWorkflow);
    const [first] = await failing(client, 4);
    gatewayIsUp = true;
    return first === undefined ? [] : [first];
  },
  async 4() {
    const { client } = await open({}, ExpenseWorkflow);
    const run = await client.start(ExpenseWorkflow, {});
    await inStatus(run, 'waiting');
    return [run];
  },
  async 5() {
    const { client } = await open({}, CheckoutWorkflow);
    const run = await client.start(CheckoutWorkflow, {});
    await inStatus(run, 'waiting');
    return [run];
  },
  async 6() {
    await open({ queues: { default: {}, mail: { concurrency: 5 } } }, NewsletterWorkflow);
    return [];
  },
  async 7() {
    const { client } = await open({ queues: { default: {} } }, NewsletterWorkflow);
    return [await client.start(NewsletterWorkflow, {})];
  },
  async 8() {
    const before = await open({}, OldTripWorkflow);
    const run = await before.client.start(OldTripWorkflow, {});
    await inStatus(run, 'waiting');
    await before.close();
    apps.splice(0);
    const { client } = await open({}, NewTripWorkflow);
    await client.sendEvent(run.id, 'confirmed');
    const found = client.handle(run.id);
    await inStatus(found, 'paused');
    return [found];
  },
  async 9() {
    const { client } = await open({ queues: { default: { concurrency: 1 } } }, ImportWorkflow);
    // One after the other: shortened ids tell runs apart that were started at different times.
    const runs: WorkflowHandle<unknown>[] = [];
    for (let n = 0; n < 3; n++) runs.push(await client.start(ImportWorkflow, {}));
    await gates.arrived('import');
    return runs.slice(-1);
  },
  async 10() {
    await open({}, ReportWorkflow);
    const pool = new pg.Pool({ connectionString: url, max: 1 });
    const error = {
      name: 'InvalidInputError',
      message: 'The input of workflow "nightly_report" is not valid: day: expected a date',
    };
    await pool.query(
      `UPDATE durable.scheduled_workflows SET enabled = false, next_run_at = NULL, auto_disabled_at = now(), consecutive_failures = 10,
         last_error = $1, last_error_at = now()`,
      [JSON.stringify(error)],
    );
    await pool.end();
    return [];
  },
  async 11() {
    await open({ queues: { default: { concurrency: 5 } } }, OldTripWorkflow);
    await open({ queues: { default: { concurrency: 5 } } }, NewTripWorkflow);
    return [];
  },
};

async function failing(client: FaultApp['client'], count: number): Promise<WorkflowHandle<unknown>[]> {
  const runs: WorkflowHandle<unknown>[] = [];
  for (let n = 1; n <= count; n++) {
    const run = await client.start(OrderWorkflow, { amount: 10 * n });
    await inStatus(run, 'failed');
    runs.push(run);
  }
  return runs;
}

const page = readFileSync(FILE, 'utf8');
const sections = page.split(/^(?=## )/m);
const BLOCK = /```console\n([^]*?)```/g;
const PLACE = /\b(RUN-\d+|[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}(?:-[\da-f]{4}-[\da-f]{12})?)\b/;

it.each(
  sections.flatMap((text, at) =>
    text.startsWith('## ') ? [[text.split('\n')[0]?.slice(3) ?? '', text, at] as const] : [],
  ),
)('%s', async (title, text, at) => {
  const runs = (await SITUATIONS[Number(/^\d+/.exec(title)?.[0])]?.()) ?? [];
  const names = new Map<string, WorkflowHandle<unknown>>();
  let made = text;
  for (const [block, inside = ''] of text.matchAll(BLOCK)) {
    let printed = '';
    for (const line of inside.split('\n').filter((one) => one.startsWith('$ '))) {
      const command = line.replace(PLACE, (place) => {
        const run = names.get(place) ?? runs[names.size];
        if (run === undefined) throw new Error(`${title}: there is no run for ${place}`);
        names.set(place, run);
        return run.id.slice(0, 18);
      });
      printed += `${command}\n${await answer(command)}`;
      // What is printed next is of the run that has gone on.
      if (command.includes(' send-event ')) await runs[0]?.result();
    }
    expect(printed).not.toMatch(/^nest-durable: /m);
    made = made.replace(block, () => `\`\`\`console\n${printed}\`\`\``);
  }
  if (process.env['UPDATE_ON_CALL'] === '1') {
    sections[at] = made;
    writeFileSync(FILE, sections.join(''));
  }
  expect(comparable(made)).toBe(comparable(sections[at] ?? ''));
});

it('there are eleven of them', () => {
  expect(sections.filter((one) => one.startsWith('## '))).toHaveLength(11);
});

/** What it prints on a terminal, progress left out; of this machine, its account and this file nothing. */
async function answer(command: string): Promise<string> {
  const { out, err } = await cliOn(url)(wordsOf(command).slice(2), { columns: 110, env: { NO_COLOR: '1' } });
  const lines = (err + out).split('\n').map((line) => line.split('\u001b[K').at(-1) ?? '');
  return lines
    .join('\n')
    .replaceAll('test/cli/on-call.spec.ts', 'src/order.workflow.ts')
    .replace(/cli:[^\s:"]+@[^\s:",]+/g, 'cli:ada@bastion')
    .replace(/127\.0\.0\.1:\d+\/\w+/g, '127.0.0.1:5432/shop')
    .replaceAll(`${hostname()}:${process.pid}`, 'app-1:17')
    .replace(/^\S+(?= +alive)/gm, 'app-1:17')
    .replace(/^[△✗] settings[^]*?(?=^[✓△✗])/m, '✓ settings       No setting of the server hurts.\n')
    .replace(/^(\d+) bad, (\d+) to look at\.$/m, () => summaryOf(`${err}${out}`))
    .replace(/[ \t]+$/gm, '');
}

/** The server of the tests has settings that no other should have: they count for nothing here. */
function summaryOf(text: string): string {
  const warn = (text.match(/^△ (?!settings)/gm) ?? []).length;
  return warn === 0 ? 'All is well.' : `0 bad, ${warn} to look at.`;
}

/** As a shell has them. */
function wordsOf(line: string): string[] {
  return [...line.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(
    ([, single, double, bare]) => single ?? double ?? bare ?? '',
  );
}

function comparable(text: string): string {
  // Where a column is cut depends on how wide the others are.
  return normalised(text)
    .replace(/PostgreSQL [\d.]+[^,\n]*,/g, 'PostgreSQL 17.2,')
    .replace(/(?<= )\d+\.\d+\.\d+(?= )/g, '0.1.0')
    .replace(/\d+ of \d+ connections/g, '9 of 100 connections')
    .replace(/\d+ rows and \d+ dead/g, '0 rows and 0 dead')
    .replace(/ {2,}/g, '  ')
    .replace(/: [^:\n]*…/g, ': …')
    .replace(/ took [\d.]+ m?s\./g, ' took <span>.');
}
