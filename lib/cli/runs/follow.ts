import { setTimeout as delay } from 'node:timers/promises';
import type { Context } from '../command.js';
import { Interrupted } from '../failure.js';

/** ms after which a look without an answer is told of. */
const SILENCE = 3_000;

/** Looks every `interval` ms until a look returns true, or Ctrl-C. It says when the database does not answer, and when it does again. */
export async function follow(
  { screen, signal }: Pick<Context, 'screen' | 'signal'>,
  interval: number,
  look: () => Promise<boolean>,
): Promise<void> {
  // What is drawn in its place is drawn over what was said below it.
  const say = (text: string): void => (screen.redraws ? screen.note(text) : screen.say(text));
  for (;;) {
    let isSilent = false;
    const silence = setTimeout(() => {
      isSilent = true;
      say('The database does not answer; it is asked until it does, or Ctrl-C.');
    }, SILENCE);
    const isOver = await unlessInterrupted(signal, look()).finally(() => clearTimeout(silence));
    if (isSilent && !screen.redraws) say('The database answers again.');
    if (isOver) return;
    await unlessInterrupted(signal, delay(interval));
  }
}

/** Rejects at once with Ctrl-C, whatever becomes of the work. */
async function unlessInterrupted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  let interrupt = (): void => {};
  const interrupted = new Promise<never>((_, reject) => (interrupt = () => reject(new Interrupted())));
  signal.addEventListener('abort', interrupt);
  if (signal.aborted) interrupt();
  try {
    return await Promise.race([work, interrupted]);
  } finally {
    signal.removeEventListener('abort', interrupt);
  }
}
