import { type Execution, ExecutionNotFoundError, type JournalEntry } from '../durable.js';
import { type Call, route } from '../http/call.js';
import type { Answer } from '../http/answer.js';
import { runIdOf } from './runs.js';
import { asStreamedDownload, showError, showPayload } from './show.js';
import { type Given, testSourceOf } from './test-source.js';

/** Of events, and of answers, that a test gives. */
const MOST_GIVEN = 1_000;

/** A run as a file: its journal, or a test that gives the workflow what the run was given. */
export const exported = route({
  method: 'GET',
  path: 'runs/:id/export',
  action: 'payload.read',
  input: (read) => read.oneOf('as', 'journal', ['journal', 'test']),
  async handle(call, as) {
    const id = await runIdOf(call);
    const run = await call.services.looks.client.getExecution(id);
    if (run === null) throw new ExecutionNotFoundError(id);
    return as === 'test' ? testOf(call, run) : journalOf(call, run);
  },
});

async function journalOf(call: Call, run: Execution): Promise<Answer> {
  // Who may not read logs gets none.
  const entries = (await call.services.looks.journal()).entries(run.id, await call.may('log.read'));
  const whole = {
    ...run,
    input: showPayload(run.input, WHOLE),
    data: showPayload(run.data, WHOLE),
    error: showError(run.error, WHOLE),
  };
  return asStreamedDownload(parts(whole, entries), `journal-${run.id}.json`);
}

const WHOLE = { payloads: true, full: true };

/** The text of one JSON document, a piece at a time: of a run with any number of steps no more than some is in memory. */
async function* parts(run: object, entries: AsyncIterable<JournalEntry>): AsyncGenerator<string> {
  let before = `${JSON.stringify(run).slice(0, -1)},"steps":[`;
  for await (const { input, output, error, once = [], ...entry } of entries) {
    const shown = {
      ...entry,
      input: showPayload(input, WHOLE),
      output: showPayload(output, WHOLE),
      error: showError(error, WHOLE),
      ...(once.length > 0 && { once: once.map(({ name, value }) => ({ name, value: showPayload(value, WHOLE) })) }),
    };
    yield before + JSON.stringify(shown);
    before = ',\n';
  }
  yield before === ',\n' ? ']}' : `${before}]}`;
}

async function testOf(call: Call, run: Execution): Promise<Answer> {
  const { client, people, waits } = call.services.looks;
  const reads = await people();
  const [events, inputs, failures, children] = await Promise.all([
    reads.givenEvents(run.id, MOST_GIVEN),
    client.listPendingInputs({ executionId: run.id, status: 'completed', limit: MOST_GIVEN }),
    call.services.looks.steps().then((steps) => steps.page(run.id, FAILED)),
    // That it has some is all that is said of them.
    waits().then((found) => found.childCounts([run.id], 1)),
  ]);
  const given: Given[] = [
    ...events.map(({ sentAt, ...event }) => ({ kind: 'event' as const, at: sentAt, ...event })),
    ...inputs.map(({ closedAt, createdAt, name, response }) => ({
      kind: 'answer' as const,
      at: closedAt ?? createdAt,
      name,
      data: response,
    })),
  ];
  const source = testSourceOf({
    run,
    given: given.toSorted((a, b) => a.at.getTime() - b.at.getTime()),
    failed: (failures ?? []).flatMap((row) => ('cells' in row ? [] : [row])),
    hasChildren: children.has(run.id),
  });
  const file = `${run.workflow}-${run.id}.spec.ts`.replace(/[^\w.-]+/g, '_');
  const headers = {
    'Content-Type': 'text/plain; charset=utf-8',
    'Content-Disposition': `attachment; filename="${file}"`,
  };
  return { status: 200, headers, body: source };
}

const FAILED = { under: null, statuses: ['failed' as const], from: null, limit: 50 };
