import { ApiError, type Method, part, send } from './api.js';
import { queryClient, refresh } from './query.js';
import { later, tell, type Toast } from './toasts.js';
import { plural, shortId, unchangedFor } from './words.js';

/** ms until an act that has no inverse is sent. */
const CANCEL_DELAY = 8000;
const ANSWER_DELAY = 5000;

interface Done {
  text: string;
  href?: string;
  link?: string;
  undo?: () => void;
}

/** Sends it, tells what became of it, and reads anew what it may have changed. */
export async function act<T>(
  method: Method,
  path: string,
  body: unknown,
  done: (answer: T) => Done,
  keys: string[],
  keepalive = false,
): Promise<T | null> {
  try {
    const answer = await send<T>(method, path, body, keepalive);
    tell({ ...(unchanged(answer) ?? done(answer)), tone: 'done', ...unwritten(answer) });
    return answer;
  } catch (error) {
    refused(error);
    return null;
  } finally {
    refresh(...keys);
  }
}

/** It was as it should become already, or cannot become so any more. */
function unchanged(answer: unknown): Done | null {
  const { changed, status } = (answer ?? {}) as { changed?: boolean; status?: string };
  if (changed !== false) return null;
  return { text: `Nothing was changed${status === undefined ? '' : `: ${unchangedFor(status)}`}` };
}

/** The act is done, and the audit could not be written. */
function unwritten(answer: unknown): Partial<Toast> {
  const audit = (answer as { audit?: boolean } | null)?.audit;
  return audit === false ? { tone: 'bad' } : {};
}

export function refused(error: unknown): void {
  const text = error instanceof ApiError ? `${error.message} (${error.code})` : String(error);
  tell({ text, tone: 'bad' }, 12_000);
}

/** What starts a run, and was asked for just now. */
const started = new Set<string>();
/** ms: the second click of two is the same act. */
const AT_ONCE = 1000;

/** Starts one run, however often a button is hit. Null: it was asked for already. */
async function startOne(
  path: string,
  body: unknown,
  done: (run: { id: string }) => Done,
  keys: string[],
): Promise<{ id: string } | null> {
  if (started.has(path)) return null;
  started.add(path);
  const answer = await act<{ id: string }>('POST', path, body, done, keys);
  setTimeout(() => started.delete(path), AT_ONCE);
  return answer;
}

const RUN = ['runs', 'run', 'count', 'overview', 'queues'];
const name = (id: string): string => shortId(id);

export const acts = {
  pause: (id: string, reason?: string): void => {
    void act(
      'POST',
      `runs/${id}/pause`,
      reason === undefined ? {} : { reason },
      () => ({ text: `${name(id)} is paused`, undo: () => acts.resume(id) }),
      RUN,
    );
  },
  resume: (id: string): void => {
    void act('POST', `runs/${id}/resume`, {}, () => ({ text: `${name(id)} goes on`, undo: () => acts.pause(id) }), RUN);
  },
  hurry: (id: string): void => {
    void act('POST', `runs/${id}/hurry`, {}, () => ({ text: `${name(id)} tries again now` }), RUN);
  },
  retry: (id: string): Promise<{ id: string } | null> =>
    startOne(
      `runs/${id}/retry`,
      {},
      (run) => ({ text: `${name(id)} was started anew`, href: `/runs/${run.id}`, link: `Open ${name(run.id)}` }),
      RUN,
    ),
  restart: (id: string, step: string): Promise<{ id: string } | null> =>
    startOne(
      `runs/${id}/restart`,
      { step },
      (run) => ({
        text: `${name(id)} was restarted from ${step}`,
        href: `/runs/${run.id}`,
        link: `Open ${name(run.id)}`,
      }),
      RUN,
    ),
  /** Has no inverse: it is sent after 8 s. */
  cancel: (id: string, reason: string, compensate: boolean): void => {
    const body = { ...(reason === '' ? {} : { reason }), ...(compensate ? { compensate } : {}) };
    later(`${name(id)} is cancelled`, CANCEL_DELAY, (keepalive) => {
      void act('POST', `runs/${id}/cancel`, body, () => ({ text: `${name(id)} was cancelled` }), RUN, keepalive);
    });
  },
  cancelMany: (ids: readonly string[]): void => {
    later(`${plural(ids.length, 'run')} ${ids.length === 1 ? 'is' : 'are'} cancelled`, CANCEL_DELAY, (keepalive) => {
      for (const id of ids)
        void act(
          'POST',
          `runs/${id}/cancel`,
          {},
          () => ({ text: `${plural(ids.length, 'run')} cancelled` }),
          RUN,
          keepalive,
        );
    });
  },
  sendEvent: (id: string, event: string, payload: unknown, dedupeKey: string): Promise<unknown> =>
    act(
      'POST',
      `runs/${id}/events`,
      { name: event, ...(payload === undefined ? {} : { payload }), ...(dedupeKey === '' ? {} : { dedupeKey }) },
      () => ({ text: `Sent ${event} to ${name(id)}` }),
      [...RUN, 'events'],
    ),
  cancelWait: (id: string, wait?: string): void => {
    void act(
      'POST',
      `runs/${id}/waits/cancel`,
      wait === undefined ? {} : { name: wait },
      () => ({ text: 'The wait was cancelled' }),
      RUN,
    );
  },
  /** Has no inverse: it is sent after 5 s. `back`: what the page puts back when it is undone or refused. */
  answer: (
    runId: string,
    inputId: string,
    data: unknown,
    text: string,
    sent: (error: unknown) => void,
    back: () => void,
  ): void => {
    later(text, ANSWER_DELAY, (keepalive) => void give(keepalive), back);
    const give = async (keepalive: boolean): Promise<void> => {
      try {
        await send('POST', `runs/${runId}/inputs`, { inputId, data }, keepalive);
        sent(null);
      } catch (error) {
        back();
        sent(error);
      } finally {
        refresh('inputs', 'inputs-count', ...RUN);
      }
    };
  },
  pauseQueue: (queue: string): void => {
    void act(
      'POST',
      `queues/${part(queue)}/pause`,
      {},
      () => ({ text: `Queue ${queue} is paused`, undo: () => acts.resumeQueue(queue) }),
      ['queues', 'overview'],
    );
  },
  resumeQueue: (queue: string): void => {
    void act(
      'POST',
      `queues/${part(queue)}/resume`,
      {},
      () => ({ text: `Queue ${queue} goes on`, undo: () => acts.pauseQueue(queue) }),
      ['queues', 'overview'],
    );
  },
  drainQueue: (queue: string, timeout: number): Promise<{ idle: boolean } | null> =>
    act<{ idle: boolean }>(
      'POST',
      `queues/${part(queue)}/drain`,
      { timeout },
      ({ idle }) => ({
        text: idle ? `Queue ${queue} is empty and paused` : `Queue ${queue} is paused; some of its runs still go on`,
      }),
      ['queues', 'overview'],
    ),
  switchSchedule: (schedule: string, enabled: boolean): void => {
    void act(
      'POST',
      `schedules/${part(schedule)}/switch`,
      { enabled },
      () => ({ text: `${schedule} is ${enabled ? 'on' : 'off'}`, undo: () => acts.switchSchedule(schedule, !enabled) }),
      ['schedules', 'overview'],
    );
  },
  trigger: (schedule: string, input?: unknown): Promise<{ id: string } | null> =>
    startOne(
      `schedules/${part(schedule)}/trigger`,
      input === undefined ? {} : { input },
      (run) => ({ text: `${schedule} has started a run`, href: `/runs/${run.id}`, link: `Open ${name(run.id)}` }),
      ['schedules', 'runs'],
    ),
  /** `back`: shows it again, if it is there: when this is undone or refused, or another of its name was made. */
  deleteSchedule: (schedule: string, back: () => void): void => {
    const remove = async (keepalive: boolean): Promise<void> => {
      const told = (): Done => ({ text: `${schedule} was deleted` });
      const path = `schedules/${part(schedule)}`;
      await act('DELETE', path, {}, told, ['schedules'], keepalive);
      // One that was asked for before may still have it.
      await queryClient.refetchQueries({ queryKey: ['schedules', 'all'], type: 'active' });
      back();
    };
    later(`${schedule} is deleted`, CANCEL_DELAY, (keepalive) => void remove(keepalive), back);
  },
};
