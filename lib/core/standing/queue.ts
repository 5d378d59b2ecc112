import type { BlockedBy } from './said.js';
import type { KeyFacts, QueueFacts } from './facts.js';
import { byWhom } from './ended.js';
import { countOf, listOfNames, manyOf, momentOf, quoted, spanOf } from './words.js';

/** The reason why no worker claims a row that is ready, the act that helps, and the same as data. */
export interface Blocked {
  readonly why: string;
  readonly helps: string;
  readonly by: BlockedBy;
  /** Time at which that is over, where the database can tell: of a rate. */
  readonly until?: Date | null;
}

const PERIODS: Readonly<Record<number, string>> = {
  1_000: 'a second',
  60_000: 'a minute',
  3_600_000: 'an hour',
  86_400_000: 'a day',
};

/** The first that applies; null: nothing is in its way. */
export function blockedBy(workflow: string, queue: QueueFacts): Blocked | null {
  const { name, paused, leased, places, workers, rate, key, ahead } = queue;
  const the = `queue ${quoted(name)}`;
  if (paused !== null) {
    const by = paused.actor === null ? {} : { by: paused.actor };
    return {
      why: byWhom(`${the} is paused`, paused),
      helps: 'Resume the queue.',
      by: { why: 'paused', queue: name, ...by },
    };
  }
  if (places > 0 && leased >= places) {
    return {
      why: `${the} is full, ${countOf(leased)} of ${countOf(places)}`,
      helps: 'More places or workers let it begin earlier.',
      by: { why: 'full', queue: name, limit: places },
    };
  }
  if (rate !== null && rate.used >= rate.limit) {
    return {
      why: `${the} has used its ${countOf(rate.limit)} ${PERIODS[rate.period] ?? `in ${spanOf(rate.period)}`}`,
      helps: rateHelps(rate.freeAt, ahead),
      by: { why: 'rate', queue: name, limit: rate.limit },
      until: rate.freeAt,
    };
  }
  if (workers === 0) {
    return {
      why: `${the} has no worker`,
      helps: `Start a process that works on ${the}.`,
      by: { why: 'worker', queue: name },
    };
  }
  if (key !== null && key.taken >= key.limit) {
    const whose = key.key === null ? `its workflow ${quoted(workflow)}` : `its key ${quoted(key.key)}`;
    return {
      why: `${whose} has ${countOf(key.taken)} of ${countOf(key.limit)}`,
      helps: keyHelps(key),
      by: {
        why: 'key',
        queue: name,
        ...(key.key === null ? {} : { key: key.key }),
        limit: key.limit,
        ...(key.first === null ? {} : { run: key.first.run }),
      },
    };
  }
  if (!queue.claimable) {
    const has = queue.versions.length === 0 ? 'none' : queue.versions.map(String).join(', ');
    return {
      why: `no live worker has version ${queue.version} (has ${has})`,
      helps: `Deploy code that has version ${queue.version} of ${listOfNames([workflow], 'and')}, or a later one.`,
      by: { why: 'version', queue: name },
    };
  }
  if (ahead > 0) {
    return {
      why: beforeIt(ahead),
      helps: '',
      by: { why: 'ahead', queue: name },
    };
  }
  return null;
}

function rateHelps(freeAt: Date | null, ahead: number): string {
  if (freeAt === null) return 'It begins when the rate allows it.';
  const before = ahead === 0 ? '' : `; ${beforeIt(ahead)}`;
  return `The rate has room again at ${momentOf(freeAt)}${before}.`;
}

function beforeIt(n: number): string {
  return `${countOf(n)} ${n === 1 ? 'comes' : 'come'} before it`;
}

const DOES: Readonly<Record<NonNullable<KeyFacts['first']>['does'], string>> = {
  works: 'is at work',
  ready: 'is ready to go on',
  waits: 'waits: end what it waits for, or cancel it',
  paused: 'is paused: resume or cancel it',
};

function keyHelps({ taken, first }: KeyFacts): string {
  if (first === null) return 'It begins when one of these gives its place back.';
  const { run, does, untilEnded } = first;
  const others = taken > 1 ? manyOf(taken - 1, 'other') : null;
  if (!untilEnded) {
    return `It begins when run ${quoted(run)}${others === null ? '' : ` or one of ${others}`} gives its place back.`;
  }
  return others === null
    ? `Run ${quoted(run)} keeps the place until it has ended. It ${DOES[does]}.`
    : `Run ${quoted(run)} and ${others} keep the places until they have ended. The first ${DOES[does]}.`;
}
