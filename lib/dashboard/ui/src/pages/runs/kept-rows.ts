import { useQuery } from '@tanstack/react-query';
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { get } from '../../lib/api.js';
import { useMe } from '../../lib/me.js';
import { pageOf } from '../../lib/rows.js';
import { live, onEvent } from '../../lib/stream.js';
import type { Page, RunRow } from '../../lib/types.js';

/** Rows that a list holds at most. */
const MOST = 2000;
const PAGE = 50;

interface Kept {
  /** Ids in the order in which they stand, newest first. */
  readonly order: readonly string[];
  readonly rows: ReadonlyMap<string, RunRow>;
  readonly next: string | null;
}

const NONE: Kept = { order: [], rows: new Map(), next: null };

export interface KeptRows {
  readonly rows: RunRow[];
  /** Runs that were started since, and wait to be shown. */
  readonly fresh: number;
  readonly more: boolean;
  readonly loading: boolean;
  readonly error: unknown;
  showFresh(): void;
  older(): void;
  again(): void;
}

/** The runs of a filter: changes come in place, new ones wait, so that nothing moves under the pointer. */
export function useKeptRows(q: string, enabled = true): KeptRows {
  const [kept, setKept] = useState<Kept>(NONE);
  const [busy, setBusy] = useState(false);
  const shown = useRef(q);
  const { pollInterval } = useMe();
  const polling = live.use().state !== 'live';
  const first = useQuery({
    queryKey: ['runs', 'list', q],
    queryFn: async ({ signal }) => pageOf(await get<Page<RunRow>>('runs', { q, limit: PAGE }, signal)),
    refetchInterval: polling ? pollInterval : 30_000,
    enabled,
  });
  const page = first.data;

  useEffect(() => {
    if (page === undefined) return;
    setKept((was) => {
      const anew = shown.current !== q || was.order.length === 0;
      shown.current = q;
      if (anew) return { order: page.items.map(({ id }) => id), rows: byId(page.items), next: page.next };
      const rows = new Map(was.rows);
      for (const row of page.items) if (rows.has(row.id)) rows.set(row.id, row);
      return { ...was, rows };
    });
  }, [page, q]);

  useEffect(() => {
    if (shown.current !== q) setKept(NONE);
  }, [q]);

  const fresh = useMemo(() => {
    const newest = kept.rows.get(kept.order[0] ?? '');
    if (page === undefined || newest === undefined) return 0;
    return page.items.filter(({ id, createdAt }) => !kept.rows.has(id) && createdAt >= newest.createdAt).length;
  }, [page, kept]);

  // Rows that have left the first page are read by their ids, when something has happened to them.
  const current = useRef(kept);
  current.current = kept;
  const onFirst = useRef(new Set<string>());
  onFirst.current = new Set(page?.items.map(({ id }) => id));
  useEffect(() => {
    const dirty = new Set<string>();
    const stop = onEvent((_, data) => {
      const id = data['executionId'];
      if (typeof id === 'string' && current.current.rows.has(id) && !onFirst.current.has(id)) dirty.add(id);
    });
    const timer = setInterval(() => {
      if (dirty.size === 0) return;
      const ids = [...dirty].slice(0, PAGE);
      for (const id of ids) dirty.delete(id);
      void get<Page<RunRow>>('runs', { q: `id:${ids.join(',')}`, limit: PAGE })
        .then(pageOf)
        .then(({ items }) => {
          setKept((was) => ({ ...was, rows: new Map([...was.rows, ...byId(items)]) }));
        }, ignore);
    }, 1000);
    return () => {
      stop();
      clearInterval(timer);
    };
  }, []);

  const older = useCallback(() => {
    const { next } = current.current;
    if (next === null || busy) return;
    setBusy(true);
    void get<Page<RunRow>>('runs', { q, limit: PAGE, cursor: next })
      .then(pageOf)
      .then(({ items, next: after }) => {
        setKept((was) => {
          const known = items.filter(({ id }) => !was.rows.has(id));
          const order = [...was.order, ...known.map(({ id }) => id)].slice(0, MOST);
          return { order, rows: new Map([...was.rows, ...byId(items)]), next: order.length >= MOST ? null : after };
        });
      }, ignore)
      .finally(() => setBusy(false));
  }, [q, busy]);

  const showFresh = useCallback(() => {
    if (page !== undefined) setKept({ order: page.items.map(({ id }) => id), rows: byId(page.items), next: page.next });
    window.scrollTo({ top: 0 });
  }, [page]);

  const rows = useMemo(() => kept.order.flatMap((id) => kept.rows.get(id) ?? []), [kept]);
  return {
    rows,
    fresh,
    more: kept.next !== null,
    // What has come is kept with the next draw: there is not nothing until then.
    loading: enabled && (first.isPending || (kept.order.length === 0 && (page?.items.length ?? 0) > 0)),
    error: first.error,
    showFresh,
    older,
    again: () => void first.refetch(),
  };
}

function byId(rows: readonly RunRow[]): Map<string, RunRow> {
  return new Map(rows.map((row) => [row.id, row]));
}

function ignore(): void {
  // The next answer tells it.
}
