import { EXECUTION_STATUSES } from '../durable.js';
import { type Call, route } from '../http/call.js';
import { anyText, requiredText } from '../http/input.js';

const MOST = 20;
const NEWEST = 500;
const MONTH = 30 * 86_400_000;

/** Every value that the key may have, as far as it is cheap to know. */
async function valuesOf(call: Call, key: string): Promise<string[]> {
  const { client, allQueues, statsErrors, now, people, reads } = call.services.looks;
  if (key === 'status') return [...EXECUTION_STATUSES];
  // With each key that is pressed: not the list of workflows, which counts all their runs.
  if (key === 'workflow') return (await people()).workflowNames();
  if (key === 'queue') return (await allQueues()).map(({ name }) => name);
  if (key === 'schedule') return (await client.listSchedules({ limit: 1_000 })).map(({ name }) => name);
  if (key === 'retrying' || key === 'root') return ['yes', 'no'];
  if (key === 'error') {
    const until = await now();
    return statsErrors({ grain: 120, since: new Date(until - MONTH), until: new Date(until) });
  }
  if (key !== 'tag' && !key.startsWith('tag.')) return [];
  const newest = await (await reads()).listExecutions({ limit: NEWEST });
  const name = key.slice('tag.'.length);
  return newest.flatMap(({ tags }) => (key === 'tag' ? Object.keys(tags) : (tags[name] ?? [])));
}

export const suggest = route({
  method: 'GET',
  path: 'runs/suggest',
  action: 'run.read',
  input: (read) => ({ key: requiredText(read, 'key'), text: anyText(read, 'text', 200) ?? '' }),
  async handle(call, { key, text }) {
    const wanted = text.toLowerCase();
    const values = [...new Set(await valuesOf(call, key))].filter((value) => value.toLowerCase().includes(wanted));
    // Those that begin so come first.
    const ranked = values.toSorted(
      (a, b) => Number(b.toLowerCase().startsWith(wanted)) - Number(a.toLowerCase().startsWith(wanted)),
    );
    return { items: ranked.slice(0, MOST) };
  },
});
