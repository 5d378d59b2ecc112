import { type Execution, isFinished, type StepRecord } from '../durable.js';
import { literalOf } from './literal.js';

/** What somebody gave a run. */
export type Given =
  | {
      readonly kind: 'event';
      readonly at: Date;
      readonly name: string;
      readonly payload: unknown;
      readonly dedupeKey: string | null;
    }
  | { readonly kind: 'answer'; readonly at: Date; readonly name: string; readonly data: unknown };

export interface TestSource {
  readonly run: Execution;
  /** In the order given. */
  readonly given: readonly Given[];
  /** Attempts that failed. */
  readonly failed: readonly Pick<StepRecord, 'step' | 'attempt' | 'error'>[];
  readonly hasChildren: boolean;
}

/** How much longer than it was a retry delay may be, and ms on top of it: what has ended is given as much more time. */
const JITTER = 1.5;
const MORE = 1_000;

/** A test that gives the workflow what a run was given, at the times at which it was, and expects it to end as that did. */
export function testSourceOf({ run, given, failed, hasChildren }: TestSource): string {
  const lines: string[] = [];
  let time = (run.startedAt ?? run.scheduledAt ?? run.createdAt).getTime();
  const until = (at: Date, longest: (ms: number) => number): void => {
    const ms = Math.round(longest(at.getTime() - time));
    time = Math.max(time, at.getTime());
    lines.push(ms < 1 ? 'await test.idle();' : `await test.advance(${ms});`);
  };
  for (const one of given) {
    until(one.at, (ms) => ms);
    if (one.kind === 'answer') {
      lines.push(`await run.provideInput(${literalOf(one.name)}, ${literalOf(one.data, INDENT)});`);
    } else {
      const options = one.dedupeKey === null ? '' : `, { dedupeKey: ${literalOf(one.dedupeKey)} }`;
      const payload = one.payload === undefined && options === '' ? '' : `, ${literalOf(one.payload, INDENT)}`;
      lines.push(`await run.sendEvent(${literalOf(one.name)}${payload}${options});`);
    }
  }
  const ended = run.completedAt !== null && isFinished(run.status);
  until(run.completedAt ?? run.updatedAt, (ms) => (ended ? Math.max(0, ms) * JITTER + MORE : ms));
  if (ended && run.error?.name === 'WorkflowCancelledError') {
    const options = run.status === 'cancelled' ? '' : 'undefined, { compensate: true }';
    lines.push(`await run.cancel(${options});`, 'await test.idle();');
  }
  const named = JSON.stringify(run.workflow);
  const body = [
    `const run = await test.client.start(${named}, ${literalOf(run.input, INDENT)}${startOptions(run)});`,
    ...lines,
    `expect(await run.execution()).toMatchObject(${literalOf(expected(run), INDENT)});`,
  ];
  return [
    "import { createDurableTest } from 'nest-durable/testing';",
    '// The module that provides the workflow, or in its place `providers: [TheWorkflow, …]` below.',
    "import { AppModule } from '../src/app.module';",
    '',
    ...aboutOf(run, failed, hasChildren),
    `it(${JSON.stringify(`${run.workflow} does what run ${run.id} did`)}, async () => {`,
    '  const test = await createDurableTest({ imports: [AppModule] });',
    '  try {',
    ...body.map((line) => INDENT + line),
    '  } finally {',
    '    await test.close();',
    '  }',
    '});',
    '',
  ].join('\n');
}

const INDENT = '    ';
const MOST_FAILED = 20;

function startOptions({ tags, priority }: Execution): string {
  const options = { ...(Object.keys(tags).length > 0 && { tags }), ...(priority !== 0 && { priority }) };
  return Object.keys(options).length === 0 ? '' : `, ${literalOf(options, INDENT)}`;
}

function expected({ workflow, status, error, data }: Execution): object {
  if (status === 'completed') return { status, data };
  // What it was in the middle of is no matter of what it was given.
  if (!isFinished(status) && status !== 'waiting') return { workflow };
  return { status, ...(error !== null && { error: { name: error.name } }) };
}

/** What a reader is to know that is no part of the test. */
function aboutOf({ version, status, queue }: Execution, failed: TestSource['failed'], hasChildren: boolean): string[] {
  const lines = [
    `Made of a run that was ${status.replaceAll('_', ' ')}${version === null ? '' : `, of version ${version}`}.`,
  ];
  if (queue !== 'default')
    lines.push(`It ran on the queue ${JSON.stringify(queue)}: \`durable: { queues: … }\` has the test work on it.`);
  if (hasChildren) lines.push('Its children run in the test too; what they were given is in the tests of theirs.');
  if (failed.length > 0) lines.push('Attempts that failed; give the test fakes that fail so (`override`):');
  for (const { step, attempt, error } of failed.slice(0, MOST_FAILED)) {
    lines.push(`- ${step}, attempt ${attempt}: ${error?.name ?? 'Error'}: ${error?.message ?? ''}`);
  }
  if (failed.length > MOST_FAILED) lines.push(`- and ${failed.length - MOST_FAILED} more`);
  // No text of a run's ends the comment, or its line.
  return lines.map((line) => `// ${line.replace(/[\p{Cc}\u2028\u2029]+/gu, ' ')}`);
}
