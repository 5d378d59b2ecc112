import { FINISHED_STATUSES } from '../durable.js';
import { route } from '../http/call.js';
import { parseDate } from '../http/input.js';
import { duration } from './filter.js';

export const cleanup = route({
  method: 'POST',
  path: 'cleanup',
  action: 'run.cleanup',
  input(read) {
    const given = read.take('olderThan');
    const olderThan = typeof given === 'string' ? (duration(given) ?? parseDate(given)) : given;
    if (!(olderThan instanceof Date) && (typeof olderThan !== 'number' || olderThan < 0)) {
      read.expected('olderThan', "a number of ms, a duration such as '30d', or a time", given);
    }
    return {
      olderThan: olderThan as number | Date,
      status: read.severalOf('status', FINISHED_STATUSES),
      dryRun: read.boolean('dryRun', false),
    };
  },
  async handle(call, { olderThan, status, dryRun }) {
    call.note({ olderThan, status, dryRun });
    const n = await call.services.client.cleanup({ olderThan, dryRun, ...(status !== null && { status }) });
    call.note({ n });
    return { n };
  },
});
