import { withDeadline } from '../durable.js';
import { type Call, nothing, route } from '../http/call.js';

/** ms that the database's time is waited for: who one is should be known while it is away too. */
const PATIENCE = 1_000;

export const me = route({
  method: 'GET',
  path: 'me',
  action: 'any',
  input: nothing,
  async handle(call) {
    const { options, version } = call.services;
    const { title, badge, instance, readOnly, pollInterval } = options;
    const { actor } = call;
    const actions = await call.actions();
    return { actor, actions, title, badge, instance, readOnly, version, now: await timeOf(call), pollInterval };
  },
});

/** By the database's clock, as all dates are; by this machine's where it does not answer. */
async function timeOf(call: Call): Promise<Date> {
  let now = Date.now();
  const asked = call.services.looks.now().then(
    (time) => (now = time),
    () => {},
  );
  await withDeadline(asked, PATIENCE);
  return new Date(now);
}
