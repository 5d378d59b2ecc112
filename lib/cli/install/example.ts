/** The files of the example, by their paths in the source folder. `suffix`: of relative imports (`.js` in ES modules). */
export function exampleFiles(suffix: string): Readonly<Record<string, string>> {
  return {
    'greeting/greeting.workflow.ts': `import { Step, Workflow } from 'nest-durable';

/** An example of a workflow: its steps run in order, each once. \`npx nest-durable list\` shows the runs. */
@Workflow({ name: 'greeting' })
export class GreetingWorkflow {
  @Step()
  compose(input: { name?: string }) {
    return { ...input, text: \`Hello \${input.name ?? 'World'}\` };
  }

  @Step({ retry: { maxAttempts: 3 } })
  send() {
    // What calls another service may fail: it is tried again, also after a restart of this process.
  }
}
`,
    'greeting/greeting.controller.ts': `import { Body, Controller, Get, NotFoundException, Param, ParseUUIDPipe, Post } from '@nestjs/common';
import { DurableClient } from 'nest-durable';
import { GreetingWorkflow } from './greeting.workflow${suffix}';

/** curl -X POST localhost:3000/greetings -H 'content-type: application/json' -d '{"name":"Ada"}' */
@Controller('greetings')
export class GreetingController {
  constructor(private readonly durable: DurableClient) {}

  @Post()
  async start(@Body() input?: object) {
    const run = await this.durable.start(GreetingWorkflow, input ?? {});
    return { id: run.id };
  }

  @Get(':id')
  async show(@Param('id', ParseUUIDPipe) id: string) {
    const run = await this.durable.getExecution(id);
    if (run === null) throw new NotFoundException();
    return { status: run.status, data: run.data };
  }
}
`,
    'greeting/greeting.workflow.spec.ts': `import { createDurableTest } from 'nest-durable/testing';
import { GreetingWorkflow } from './greeting.workflow${suffix}';

describe('GreetingWorkflow', () => {
  it('greets whom it is given', async () => {
    const test = await createDurableTest({ providers: [GreetingWorkflow] });
    try {
      const run = await test.client.start(GreetingWorkflow, { name: 'Ada' });
      await test.idle();
      expect(await run.result()).toMatchObject({ text: 'Hello Ada' });
    } finally {
      await test.close();
    }
  }, 120_000);
});
`,
  };
}
