import { setTimeout as delay } from 'node:timers/promises';
import type { DatabaseTarget } from '../../storage/connection/database-target.js';
import { Session } from '../../storage/connection/session.js';
import type { Check } from '../../storage/reads/doctor-check.js';
import { describeViolation, findViolations } from '../../storage/reads/verify.js';
import type { Context } from '../command.js';
import { Interrupted } from '../failure.js';

/** ms that one invariant may take: it reads whole tables. */
const PATIENCE = 10 * 60_000;
/** Violations that are told. */
const TOLD = 10;

/** Looks for what must never be, in one snapshot, with workers at work. */
export async function verify({ screen, signal }: Context, target: DatabaseTarget, schema: string): Promise<Check> {
  const limits = { statement: PATIENCE, lock: 10_000, idleInTransaction: 60_000 };
  const session = new Session(target, { role: 'verifying', name: 'nest-durable:verify', direct: false, limits });
  const id = 'verify';
  screen.note('Verifies all that is stored');
  await session.connect();
  try {
    await session.query(session.begin.replace('READ COMMITTED', 'REPEATABLE READ'));
    const found = await Promise.race([
      findViolations(async (text, parameters) => (await session.query(text, [...parameters])).rows, schema),
      interrupted(signal),
    ]);
    if (found.length === 0) return { id, state: 'ok', text: 'All invariants hold.' };
    const texts = found.slice(0, TOLD).map(describeViolation);
    const more = found.length > TOLD ? [`and ${found.length - TOLD} more`] : [];
    return {
      id,
      state: 'bad',
      text: [...texts, ...more].join('; '),
      mend: 'nest-durable doctor --fix; what is left is a bug: report it.',
    };
  } finally {
    screen.clearProgress();
    session.destroy();
  }
}

async function interrupted(signal: AbortSignal): Promise<never> {
  await delay(PATIENCE * 100, undefined, { signal, ref: false }).catch(() => {});
  throw new Interrupted();
}
