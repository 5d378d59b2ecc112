import { useQuery } from '@tanstack/react-query';
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { get } from '../../lib/api.js';
import { useMe } from '../../lib/me.js';
import { runsPageOf } from '../../lib/rows.js';
import { begun, byId, type Kept, longer, lookFurther, NONE, PAGE, refreshed } from '../../lib/run-rows.js';
import { live, onEvent } from '../../lib/stream.js';
import { isEnded } from '../../lib/tree-node.js';
import type { RunRow, RunsPage } from '../../lib/types.js';

export interface KeptRows {
  readonly rows: RunRow[];
  /** Runs that were started since, and wait to be shown. */
  readonly fresh: number;
  readonly more: boolean;
  /** It was looked so far back for runs that fit; null: to the end, or as many were found as were asked for. */
  readonly lookedTo: string | null;
  readonly looking: boolean;
  /** Why older runs have not come; null: they have, or were not asked for. */
  readonly olderError: unknown;
  readonly loading: boolean;
  readonly error: unknown;
  showFresh(): void;
  older(): void;
  again(): void;
}

/** Runs that a frame names that tells of many. */
const MOST_NAMED = 100;

/** The runs of a filter: changes come in place, new ones wait, so that nothing moves under the pointer. */
export function useKeptRows(q: string, enabled = true): KeptRows {
  const [kept, setKept] = useState(NONE);
  // Known at once: a page may come before what was kept last is drawn.
  const current = useRef(kept);
  const change = useCallback((to: (was: Kept) => Kept) => {
    current.current = to(current.current);
    setKept(current.current);
  }, []);
  const [busy, setBusy] = useState(false);
  const [olderError, setOlderError] = useState<unknown>(null);
  const { pollInterval } = useMe();
  const polling = live.use().state !== 'live';
  const first = useQuery({
    queryKey: ['runs', 'list', q],
    queryFn: async ({ signal }) => runsPageOf(await get<RunsPage>('runs', { q, limit: PAGE }, signal)),
    refetchInterval: polling ? pollInterval : 30_000,
    enabled,
  });
  const page = first.data;

  useEffect(() => {
    if (page !== undefined) change((was) => refreshed(was, q, page));
  }, [page, q, change]);

  useEffect(() => {
    change((was) => (was.q === q ? was : NONE));
  }, [q, change]);

  const fresh = useMemo(() => {
    const newest = kept.rows.get(kept.order[0] ?? '');
    if (page === undefined || newest === undefined) return 0;
    return page.items.filter(({ id, createdAt }) => !kept.rows.has(id) && createdAt >= newest.createdAt).length;
  }, [page, kept]);

  // Rows that have left the first page are read by their ids, when something has happened to them.
  const onFirst = useRef(new Set<string>());
  onFirst.current = new Set(page?.items.map(({ id }) => id));
  const changed = useRef(new Set<string>());
  /** Nobody has told of them: of those that have not ended, any may have changed. */
  const suspect = useCallback(() => {
    for (const { id, status } of current.current.rows.values()) {
      if (!isEnded(status) && !onFirst.current.has(id)) changed.current.add(id);
    }
  }, []);
  useEffect(() => {
    suspect();
    if (!polling) return;
    const timer = setInterval(suspect, pollInterval);
    return () => clearInterval(timer);
  }, [polling, pollInterval, suspect]);
  useEffect(() => {
    const dirty = changed.current;
    const stop = onEvent((kind, { executionId, runs }) => {
      if (kind === 'reset') suspect();
      // Where many are told of in one, not all of them are named.
      if (kind === 'many' && Array.isArray(runs) && runs.length >= MOST_NAMED) suspect();
      for (const id of Array.isArray(runs) ? runs : [executionId]) {
        if (typeof id === 'string' && current.current.rows.has(id) && !onFirst.current.has(id)) dirty.add(id);
      }
    });
    const timer = setInterval(() => {
      if (dirty.size === 0) return;
      const ids = [...dirty].slice(0, PAGE);
      for (const id of ids) dirty.delete(id);
      void get<RunsPage>('runs', { q: `id:${ids.join(',')}`, limit: PAGE })
        .then(runsPageOf)
        .then(({ items }) => {
          change((was) => ({ ...was, rows: new Map([...was.rows, ...byId(items)]) }));
        }, ignore);
    }, 1000);
    return () => {
      stop();
      clearInterval(timer);
    };
  }, [change, suspect]);

  // The pages of another filter, or that nobody sees any more, are not read to their end.
  const looks = useRef(new AbortController());
  useEffect(() => {
    looks.current = new AbortController();
    return () => {
      looks.current.abort();
      setBusy(false);
      setOlderError(null);
    };
  }, [q]);

  const older = useCallback(() => {
    const { next } = current.current;
    const { signal } = looks.current;
    if (next === null || busy) return;
    setBusy(true);
    setOlderError(null);
    void lookFurther(
      next,
      async (cursor) => runsPageOf(await get<RunsPage>('runs', { q, limit: PAGE, cursor }, signal)),
      (found, cursor) => {
        if (signal.aborted) return null;
        change((was) => longer(was, cursor, found));
        return current.current.next;
      },
    )
      .catch((error: unknown) => {
        if (!signal.aborted) setOlderError(error);
      })
      .finally(() => {
        if (!signal.aborted) setBusy(false);
      });
  }, [q, busy, change]);

  // A first page that is short goes on by itself.
  const isShort = kept.q === q && kept.lookedTo !== null && kept.order.length < PAGE;
  const wentOn = useRef<string | null>(null);
  useEffect(() => {
    if (!isShort || busy || wentOn.current === q) return;
    wentOn.current = q;
    older();
  }, [isShort, busy, q, older]);

  const showFresh = useCallback(() => {
    // The pages that are looked at now are not those that come after the first one.
    looks.current.abort();
    looks.current = new AbortController();
    setBusy(false);
    setOlderError(null);
    if (page !== undefined) change(() => begun(q, page));
    wentOn.current = null;
    window.scrollTo({ top: 0 });
  }, [page, q, change]);

  const rows = useMemo(() => kept.order.flatMap((id) => kept.rows.get(id) ?? []), [kept]);
  return {
    rows,
    fresh,
    more: kept.next !== null,
    lookedTo: kept.lookedTo,
    looking: busy,
    olderError,
    // What has come is kept with the next draw: there is not nothing until then.
    loading: enabled && (first.isPending || (page !== undefined && kept.q !== q)),
    error: first.error,
    showFresh,
    older,
    again: () => void first.refetch(),
  };
}

function ignore(): void {
  // The next answer tells it.
}
