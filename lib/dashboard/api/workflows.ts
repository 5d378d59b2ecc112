import { WorkflowNotFoundError } from '../durable.js';
import { type Call, nothing, route } from '../http/call.js';
import { rowsOf } from './runs.js';

async function summaries(call: Call) {
  const found = await call.services.looks.client.listWorkflows();
  const runs = await rowsOf(
    call,
    found.flatMap(({ lastRun }) => lastRun ?? []),
  );
  const rows = new Map(runs.map((run) => [run.id, run]));
  return found.map((one) => ({ ...one, lastRun: rows.get(one.lastRun?.id ?? '') ?? null }));
}

const workflows = route({
  method: 'GET',
  path: 'workflows',
  action: 'workflow.read',
  input: nothing,
  handle: async (call) => ({ items: await summaries(call) }),
});

const workflow = route({
  method: 'GET',
  path: 'workflows/:name',
  action: 'workflow.read',
  input: nothing,
  async handle(call) {
    const all = await summaries(call);
    const name = call.params['name'] ?? '';
    const found = all.find((one) => one.name === name);
    if (found === undefined)
      throw new WorkflowNotFoundError(
        name,
        all.map((one) => one.name),
      );
    const versions = await call.services.looks.client.listVersions(name);
    return { ...found, versions };
  },
});

export const workflowRoutes = [workflows, workflow];
