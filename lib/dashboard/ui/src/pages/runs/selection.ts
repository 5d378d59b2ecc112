import { useCallback, useEffect, useRef, useState } from 'react';
import type { RunRow } from '../../lib/types.js';

/** Which rows are chosen, and which one the keys act on. */
export interface Selection {
  readonly ids: ReadonlySet<string>;
  /** The row that keys act on. */
  readonly at: string | null;
  toggle(id: string, range: boolean): void;
  focus(id: string): void;
  all(): void;
  clear(): void;
}

export function useSelection(rows: readonly RunRow[], q: string): Selection {
  const [ids, setIds] = useState<ReadonlySet<string>>(new Set());
  const [at, setAt] = useState<string | null>(null);
  const last = useRef<string | null>(null);
  const current = useRef(rows);
  current.current = rows;
  useEffect(() => setIds(new Set()), [q]);
  const toggle = useCallback((id: string, range: boolean) => {
    const order = current.current.map((row) => row.id);
    const from = range && last.current !== null ? order.indexOf(last.current) : -1;
    const to = order.indexOf(id);
    last.current = id;
    setIds((was) => {
      const next = new Set(was);
      if (from !== -1) for (const one of order.slice(Math.min(from, to), Math.max(from, to) + 1)) next.add(one);
      else if (!next.delete(id)) next.add(id);
      return next;
    });
  }, []);
  const all = useCallback(
    () =>
      setIds((was) => (was.size === current.current.length ? new Set() : new Set(current.current.map(({ id }) => id)))),
    [],
  );
  const clear = useCallback(() => setIds(new Set()), []);
  return { ids, at, toggle, focus: setAt, all, clear };
}
