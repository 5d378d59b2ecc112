import 'reflect-metadata';
import { Step, Workflow } from 'nest-durable';
import { createDurableTest } from 'nest-durable/testing';
import pg from 'pg';

/** A process whose tests leave everything open; told about by server.spec.ts, which kills it. */
@Workflow({ name: 'hello' })
class HelloWorkflow {
  @Step()
  greet(data: { name: string }) {
    return { greeting: `hello ${data.name}` };
  }
}

const [first, second] = await Promise.all([
  createDurableTest({ providers: [HelloWorkflow], createApp: (module) => module }),
  createDurableTest({ providers: [HelloWorkflow], createApp: (module) => module }),
]);
const run = await first.client.start(HelloWorkflow, { name: 'ann' });
const client = new pg.Client({ connectionString: first.url });
await client.connect();
const { rows } = await client.query<{ data_directory: string }>('SHOW data_directory');
await client.end();
const result = await run.result();
const others = await second.client.countExecutions();
process.send?.({ url: first.url, second: second.url, directory: rows[0]?.data_directory, result, others });
if (process.argv[2] === 'close') {
  await first.close();
  await second.close();
  // Nothing of the kit keeps the process alive.
  process.disconnect();
}
