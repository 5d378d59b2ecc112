import { Logger } from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';
import { DurableClient, DurableModule, Step, Workflow } from 'nest-durable';
import pg from 'pg';
import { createTestDatabase } from '../support/database.js';

/** A process that has nothing to do asks the database in one statement, and still finds what no hint told it of. */

@Workflow({ name: 'idle_greet' })
class GreetWorkflow {
  @Step()
  greet() {
    return { greeted: true };
  }
}

/** The statements of an app, as they are sent. */
class Statements {
  private readonly texts: string[] = [];
  private pulses = 0;
  private heard: { readonly at: number; readonly resolve: () => void } | null = null;

  readonly logger = {
    log() {},
    warn() {},
    error() {},
    verbose() {},
    debug: (text: unknown) => this.take(String(text)),
  };

  /** Resolves when so many more pulses were sent; gives the other statements of that time. */
  async besidePulses(count: number): Promise<string[]> {
    const from = this.texts.length;
    await new Promise<void>((resolve) => (this.heard = { at: this.pulses + count, resolve }));
    return this.texts.slice(from).filter((text) => !isPulse(text));
  }

  private take(text: string): void {
    this.texts.push(text);
    if (!isPulse(text)) return;
    this.pulses++;
    if (this.heard !== null && this.pulses >= this.heard.at) this.heard.resolve();
  }
}

function isPulse(text: string): boolean {
  return text.includes('ready_queues');
}

const apps: TestingModule[] = [];
const statements = new Statements();
let url: string;

async function open(options: { notify?: boolean; sqlLog?: boolean }): Promise<TestingModule> {
  const module = await Test.createTestingModule({
    imports: [DurableModule.forRoot({ database: { url }, ...options })],
    providers: [GreetWorkflow],
  })
    .setLogger(statements.logger)
    .compile();
  const app = await module.init();
  apps.push(app);
  return app;
}

beforeEach(async () => {
  ({ url } = await createTestDatabase());
});

afterEach(async () => {
  await Promise.all(apps.splice(0).map((app) => app.close()));
  Logger.overrideLogger(false);
});

it('asks less than one statement a second beside the pulse, which comes every second one', async () => {
  await open({ sqlLog: true });
  await statements.besidePulses(2);
  const others = await statements.besidePulses(5);
  // Five pulses of an idle process are ten seconds: a heartbeat, a sign of life of the listening session, definitions.
  expect(others.length).toBeLessThanOrEqual(4);
});

it('finds a run that no hint told of, by the pulse alone', async () => {
  const app = await open({});
  const pool = new pg.Pool({ connectionString: url, max: 1 });
  try {
    // Ready, as if the hint of whoever started it had been lost.
    const { rows } = await pool.query<{ id: string }>(
      `WITH run AS (
         INSERT INTO durable.workflow_executions (id, created_at, updated_at, definition_id, priority, workflow, queue, input)
         SELECT gen_random_uuid(), now(), now(), d.id, 0, d.name, 'default', '{}' FROM durable.workflow_definitions d
         RETURNING id, definition_id)
       INSERT INTO durable.workflow_queue (id, due_at, definition_id, priority, state, queue)
       SELECT id, now(), definition_id, 0, 'ready', 'default' FROM run RETURNING id`,
    );
    const [row] = rows;
    const handle = app.get(DurableClient).handle(row?.id ?? '');
    expect(await handle.result()).toEqual({ greeted: true });
  } finally {
    await pool.end();
  }
});
