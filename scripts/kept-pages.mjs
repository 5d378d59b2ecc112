import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './install.mjs';

/**
 * Keeps what the API answers to the pages that are compared with pictures (test/dashboard/browser/pictures.spec.ts), a
 * file a page: its address, what is there when it is, the time, and each answer by what was asked.
 */
export async function keepPages(browser, base, folder) {
  const get = async (path) => (await fetch(`${base}api/${path}`)).json();
  const first = async (q) => {
    const { items } = await get(`runs?limit=1&q=${encodeURIComponent(q)}`);
    if (items.length === 0) throw new Error(`There is no run of ${q} yet.`);
    return items[0].id;
  };
  const failed = await first('workflow:process_order status:compensated');
  const waiting = await first('workflow:order_pipeline status:waiting');
  const mailing = await first('workflow:campaign');
  const document = await first('workflow:document status:waiting');
  // The newest: the oldest is the next that is answered.
  const { items: questions } = await get('inputs?type=form&limit=200');
  const pages = {
    overview: ['?window=1h', 'chart-ended'],
    runs: ['runs', 'run-row'],
    'runs-failed': ['runs?q=status%3Afailed%2Ccompensated', 'run-row'],
    run: [`runs/${waiting}`, 'timeline'],
    'run-failed': [`runs/${failed}?step=charge-3`, 'inspector'],
    'run-graph': [`runs/${document}?tab=graph`, 'graph'],
    'run-loop': [`runs/${mailing}`, 'loop-recipients'],
    'run-steps': [`runs/${failed}?tab=steps`, 'journal-entry'],
    'run-history': [`runs/${failed}?tab=history`, 'history-item'],
    inbox: [`inbox/${questions.at(-1).id}`, 'answer'],
    workflows: ['workflows', 'workflow-process_order'],
    workflow: ['workflows/process_order', 'start-form'],
    schedules: ['schedules/minute_report', 'schedule-minute_report'],
    queues: ['queues', 'queue-ai'],
    doctor: ['doctor', 'checks'],
  };
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const [name, [path, testId]] of Object.entries(pages)) {
    const now = Date.now();
    const answers = {};
    for (const width of [1440, 390]) {
      const context = await browser.newContext({ viewport: { width, height: 900 }, timezoneId: 'Europe/Berlin' });
      const page = await context.newPage();
      await page.clock.setFixedTime(now);
      const reading = [];
      page.on('response', (response) => {
        const asked = response.url().split(`${base}api/`)[1];
        if (asked === undefined || asked.startsWith('stream')) return;
        reading.push(
          response.json().then(
            (answer) => (answers[asked] = shortened(answer)),
            () => {},
          ),
        );
      });
      await page.goto(base + path);
      await page.getByTestId(testId).first().waitFor();
      await page.locator('.skeleton, [aria-busy=true]').first().waitFor({ state: 'detached' });
      await page.waitForLoadState('load');
      // What it asks for later too: parts of it are asked for by other parts.
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      await Promise.all(reading);
      await context.close();
    }
    const kept = { path, testId, now: new Date(now).toISOString(), answers };
    // Stored stacks name the folder.
    writeFileSync(join(folder, `${name}.json`), `${JSON.stringify(kept).replaceAll(root, '/app')}\n`);
    console.log(
      `${name}: ${Object.keys(answers).length} answers, ${Math.round(JSON.stringify(kept).length / 1000)} kB`,
    );
  }
}

/** No picture shows more of a list. */
const MOST = 40;

function shortened(answer) {
  return Array.isArray(answer?.items) && answer.items.length > MOST
    ? { ...answer, items: answer.items.slice(0, MOST) }
    : answer;
}
