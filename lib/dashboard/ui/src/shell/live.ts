import { useEffect } from 'react';
import { useMay, useMe } from '../lib/me.js';
import { refreshAll } from '../lib/query.js';
import { live, Stream } from '../lib/stream.js';

let stream: Stream | null = null;

export function retryStream(): void {
  stream?.retryNow();
}

/**
 * A page that nobody has looked at for so long gives its stream back, ms, and one that is opened behind others takes none:
 * a browser has six connections to a host, and with six streams no page of it is answered any more.
 */
const HIDDEN = 5_000;

/** Keeps the stream of what the page shows, and polls where there is none. */
export function useLive(path: string): void {
  const may = useMay();
  const { pollInterval } = useMe();
  // An id that is cut short names no run to the stream.
  const run = /^\/runs\/([0-9a-f-]{36})$/i.exec(path)?.[1] ?? null;
  const topics = [
    may('run.read') ? 'runs' : '',
    may('input.read') ? 'inputs' : '',
    may('schedule.read') ? 'schedules' : '',
    may('queue.read') ? 'queues' : '',
  ]
    .filter((topic) => topic !== '')
    .join(',');

  useEffect(() => {
    if (topics === '') return;
    const params: Record<string, string> = run === null ? { topics } : { run };
    const own = new Stream(params);
    stream = own;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let given = document.hidden;
    if (!given) own.start();
    const look = (): void => {
      clearTimeout(timer);
      if (document.hidden) {
        timer = setTimeout(() => {
          own.close();
          given = true;
        }, HIDDEN);
      } else if (given) {
        given = false;
        own.retryNow();
        refreshAll();
      }
    };
    document.addEventListener('visibilitychange', look);
    return () => {
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', look);
      own.close();
    };
  }, [topics, run]);

  const { state } = live.use();
  useEffect(() => {
    if (state !== 'polling' && state !== 'refused') return;
    const timer = setInterval(() => {
      if (!document.hidden) refreshAll();
    }, pollInterval);
    return () => clearInterval(timer);
  }, [state, pollInterval]);
}
