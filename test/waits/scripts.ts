import { type Type } from '@nestjs/common';
import { DurableWorkflow, Step, Workflow, type WorkflowHandle } from 'nest-durable';
import { createDurableTest, type DurableTest } from 'nest-durable/testing';

type Body = () => unknown;

interface Script {
  readonly body: number;
}

interface Result {
  readonly got: unknown;
}

const bodies: Body[] = [];

/** Its one step is what a test gives it. */
@Workflow()
export class ScriptWorkflow extends DurableWorkflow<Script, Result> {
  @Step()
  async run({ body }: Script) {
    return { got: await bodies[body]?.() };
  }
}

/** The same, with two more attempts, each a second after the one before. */
@Workflow()
export class RetriedScriptWorkflow extends DurableWorkflow<Script, Result> {
  @Step({ retry: { maxAttempts: 3, backoff: 'constant', initialDelay: 1000, jitter: false } })
  async run({ body }: Script) {
    return { got: await bodies[body]?.() };
  }
}

/** The same on another queue. */
@Workflow()
export class ScriptElsewhereWorkflow extends DurableWorkflow<Script, Result> {
  @Step({ queue: 'elsewhere', retry: { maxAttempts: 3, backoff: 'constant', initialDelay: 1000, jitter: false } })
  async run({ body }: Script) {
    return { got: await bodies[body]?.() };
  }
}

export const onServer = { databaseUrl: process.env['TEST_SERVER_URL'] };

export function scriptTest(providers: Type[] = []): Promise<DurableTest> {
  return createDurableTest(
    { providers: [ScriptWorkflow, RetriedScriptWorkflow, ScriptElsewhereWorkflow, ...providers] },
    onServer,
  );
}

/** A run of the script, as far as it gets now. */
export async function begin(
  test: DurableTest,
  body: Body,
  workflow: typeof ScriptWorkflow | typeof RetriedScriptWorkflow | typeof ScriptElsewhereWorkflow = ScriptWorkflow,
): Promise<WorkflowHandle<Result>> {
  const run = await test.client.start(workflow, { body: bodies.push(body) - 1 });
  await test.idle();
  return run;
}

/** What the script returned. */
export async function got(run: WorkflowHandle<Result>): Promise<unknown> {
  return (await run.result()).got;
}
