import type { Logger } from '@nestjs/common';
import type { Closers } from './closers.js';
import type { ResolvedOptions } from '../options/module.js';
import type { Hints } from '../engine/ports/hints.js';
import type { Engine } from '../engine/engine.js';
import { anyDraw, EVERYBODY } from '../engine/worker/turns.js';
import type { Connections } from '../storage/connection/connections.js';
import { Listener } from '../storage/notify/listener.js';
import { unmatchedEventsHint, packHints } from '../storage/notify/notifier.js';
import type { ServerFindings } from '../storage/connection/server-probe.js';

/** The sender named in a hint that a caller's transaction carries: no process takes it for its own. */
const NOBODY = 'tx';

/** The wake-up calls between processes, or nothing where `notify` is off. */
export interface HintConnection extends Hints {
  /** Name of the session that others see; `null` where they cannot. */
  readonly sessionName: string | null;
  /** The session itself, where hints arrive. */
  readonly listener: Listener | null;
  /** Hint to a queue's workers that a transaction of the app sends with pg_notify; `null`: they poll. */
  readonly hint: ((queue: string, later: boolean) => { channel: string; payload: string }) | null;
  /** Hint of a transaction of the app that sends an event; `null`: the event is found by polling. */
  readonly unmatchedHint: { readonly channel: string; readonly payload: string } | null;
  /**
   * Hands the engine what other processes say; `own`: what this one says too, for a second engine in it. Returns what
   * ends that.
   */
  attach(engine: Engine, queues: Iterable<string>, own?: boolean): () => void;
}

const SILENT: HintConnection = {
  sessionName: null,
  listening: () => false,
  listener: null,
  hint: null,
  unmatchedHint: null,
  queue: () => {},
  later: () => {},
  done: () => {},
  control: () => {},
  settings: () => {},
  attach: () => () => {},
};

/** ms for the last hints at shutdown. */
const LAST_HINTS = 300;

const OWN_DRAW = anyDraw();

/** The same for 100 ms: the server drops a payload that is the same as one before it in the transaction. */
function drawOfNow(): number {
  return 1 + ((OWN_DRAW + Math.floor(Date.now() / 100)) % 0x7ffffffe);
}

/** Opens the listening session. An outage at this moment is none of the boot's concern: it is opened when it can be. */
export async function connectHints(
  options: ResolvedOptions,
  connections: Connections,
  { direct, notified }: Pick<ServerFindings, 'direct' | 'notified'>,
  closers: Closers,
  log: Logger,
): Promise<HintConnection> {
  if (!options.notify) return SILENT;
  const listener = new Listener(connections, { schema: options.schema });
  closers.add('the listening connection', () => listener.close(), LAST_HINTS);
  if (notified) await listener.start();
  else {
    log.warn(
      'Notifications do not arrive: the database is behind a pooler in transaction mode, or has no LISTEN. Runs are ' +
        'found by polling. Connect directly, or set notify: false.',
    );
  }
  const visible = direct && (await listener.sessionVisible().catch(() => false));
  return {
    listener: visible ? listener : null,
    sessionName: visible ? listener.sessionName : null,
    listening: () => visible && listener.up,
    hint: (queue, later) => ({
      channel: listener.channel,
      payload: packHints(later ? { t: [queue] } : { q: [[queue, drawOfNow()]] }, NOBODY)[0] ?? '',
    }),
    unmatchedHint: { channel: listener.channel, payload: unmatchedEventsHint(NOBODY) },
    queue: (name, draw) => listener.hint(name, draw),
    later: (name) => listener.later(name),
    done: (runId) => listener.done(runId),
    control: (runId) => listener.control(runId),
    settings: (queue) => listener.settings(queue),
    attach: (engine, queues, own = false) => attach(listener, engine, [...queues], visible, own),
  };
}

function attach(
  listener: Listener,
  engine: Engine,
  queues: readonly string[],
  visible: boolean,
  own: boolean,
): () => void {
  const unsubscribe = listener.subscribe(({ q = [], d = [], c = [], t = [], s = [], e = false }, fromHere) => {
    // The engine has done for itself what it tells the others.
    if (fromHere && !own) return;
    for (const [queue, draw] of q) engine.hinted.queue(queue, draw);
    if (t.length > 0) engine.hinted.later();
    for (const runId of d) engine.hinted.done(runId);
    if (e) engine.hinted.unmatched();
    // A look that fails is made again by the engine's own loop.
    for (const runId of c) engine.hinted.control(runId).catch(() => {});
    if (s.length > 0) engine.hinted.settings().catch(() => {});
  });
  const down = (): void => {
    if (visible) engine.hinted.session(false);
  };
  const up = (): void => {
    if (visible) engine.hinted.session(true);
    // Hints were lost meanwhile.
    engine.hinted.later();
    for (const queue of queues) engine.hinted.queue(queue, EVERYBODY);
    engine.hinted.unmatched();
  };
  listener.on('down', down).on('up', up);
  return () => {
    unsubscribe();
    listener.off('down', down).off('up', up);
  };
}
