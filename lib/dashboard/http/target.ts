import type { DashboardTarget } from '../dashboard.options.js';
import { isObject } from '../durable.js';

type Key = keyof DashboardTarget;

/** What the parameter in a path that begins so is the name of. */
const IN_PATH: ReadonlyMap<string, Key> = new Map([
  ['runs/:id', 'runId'],
  ['workflows/:name', 'workflow'],
  ['queues/:name', 'queue'],
  ['schedules/:name', 'schedule'],
]);

const IN_QUERY: readonly (readonly [string, Key])[] = [
  ['workflow', 'workflow'],
  ['executionId', 'runId'],
  ['run', 'runId'],
  ['inputId', 'inputId'],
];

const IN_BODY: readonly (readonly [string, Key])[] = [
  ['workflow', 'workflow'],
  ['queue', 'queue'],
  ['inputId', 'inputId'],
];

/** What is to be read or acted on, as far as it is known before anything is read. */
export function targetOf(
  path: string,
  params: Readonly<Record<string, string>>,
  query: string,
  body: unknown,
): DashboardTarget {
  const target: { [K in Key]?: string } = {};
  const asked = new URLSearchParams(query);
  for (const [name, key] of IN_QUERY) set(target, key, asked.get(name));
  if (isObject(body)) {
    for (const [name, key] of IN_BODY) set(target, key, body[name]);
    if (path === 'schedules') set(target, 'schedule', body['name']);
  }
  for (const [start, key] of IN_PATH) {
    if (path === start || path.startsWith(`${start}/`)) set(target, key, params[start.split(':')[1] ?? '']);
  }
  return target;
}

function set(target: { [K in Key]?: string }, key: Key, value: unknown): void {
  if (typeof value === 'string' && value !== '') target[key] = value;
}
