import { nothing, route } from '../http/call.js';

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
    return { actor, actions, title, badge, instance, readOnly, version, now: new Date(), pollInterval };
  },
});
