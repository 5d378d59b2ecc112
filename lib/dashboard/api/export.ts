import { type Execution, ExecutionNotFoundError } from '../durable.js';
import { type Call, route } from '../http/call.js';
import type { Answer } from '../http/answer.js';
import { runIdOf } from './runs.js';
import { asDownload, showError, showPayload } from './show.js';
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
    const run = await call.services.looks.client.getExecution(id, { includeLogs: as === 'journal' });
    if (run === null) throw new ExecutionNotFoundError(id);
    return as === 'test' ? testOf(call, run) : journalOf(call, run);
  },
});

async function journalOf(call: Call, run: Execution): Promise<Answer> {
  const sight = { payloads: true, full: true };
  // Who may not read logs gets none.
  const logs = await call.may('log.read');
  const steps = (run.steps ?? []).map((step) => ({
    ...step,
    input: showPayload(step.input, sight),
    output: showPayload(step.output, sight),
    error: showError(step.error, sight),
    logs: logs ? step.logs : [],
  }));
  const whole = { ...run, input: showPayload(run.input, sight), data: showPayload(run.data, sight) };
  return asDownload({ ...whole, error: showError(run.error, sight), steps }, `journal-${run.id}.json`);
}

async function testOf(call: Call, run: Execution): Promise<Answer> {
  const { client, people } = call.services.looks;
  const reads = await people();
  const [events, inputs, failures, children] = await Promise.all([
    reads.givenEvents(run.id, MOST_GIVEN),
    client.listPendingInputs({ executionId: run.id, status: 'completed', limit: MOST_GIVEN }),
    call.services.looks.steps().then((steps) => steps.page(run.id, FAILED)),
    client.childCounts([run.id]),
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
    children: children[run.id] ?? 0,
  });
  const file = `${run.workflow}-${run.id}.spec.ts`.replace(/[^\w.-]+/g, '_');
  const headers = {
    'Content-Type': 'text/plain; charset=utf-8',
    'Content-Disposition': `attachment; filename="${file}"`,
  };
  return { status: 200, headers, body: source };
}

const FAILED = { under: null, statuses: ['failed' as const], from: null, limit: 50 };
