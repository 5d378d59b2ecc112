import { useWindowVirtualizer } from '@tanstack/react-virtual';
import { useRef } from 'react';
import { acts } from '../../lib/acts.js';
import { useKeys } from '../../lib/keys.js';
import { useMay } from '../../lib/me.js';
import { isEnded } from '../../lib/tree-node.js';
import type { RunRow } from '../../lib/types.js';
import { runHref, useUrl } from '../../lib/url.js';
import { Icon } from '../../parts/icon.js';
import { RUN_COLS, RUN_COLS_PLAIN, RunCard, RunLine } from './run-row.js';
import type { Selection } from './selection.js';

export function Table({
  rows,
  selection,
  narrow,
  selectable,
}: {
  rows: readonly RunRow[];
  selection: Selection;
  narrow: boolean;
  selectable: boolean;
}) {
  const body = useRef<HTMLDivElement>(null);
  const height = narrow ? 59 : 34;
  const virtual = useWindowVirtualizer({
    count: rows.length,
    estimateSize: () => height,
    overscan: 24,
    scrollMargin: body.current?.offsetTop ?? 0,
  });
  const { at, ids, toggle, focus, all, clear } = selection;
  const may = useMay();
  const { go } = useUrl();
  const index = rows.findIndex(({ id }) => id === at);
  const here = rows[index];
  const move = (to: number): void => {
    const row = rows[Math.max(0, Math.min(rows.length - 1, to))];
    if (row === undefined) return;
    focus(row.id);
    virtual.scrollToIndex(rows.indexOf(row), { align: 'auto' });
    requestAnimationFrame(() =>
      body.current?.querySelector<HTMLElement>(`[data-run="${row.id}"]`)?.focus({ preventScroll: true }),
    );
  };
  const withHere = (action: string, then: (run: RunRow) => void) => (): void => {
    if (here !== undefined && may(action)) then(here);
  };
  const select = (range: boolean) => (): void => {
    if (here !== undefined && selectable) toggle(here.id, range);
  };
  useKeys({
    j: () => move(index + 1),
    k: () => move(index === -1 ? 0 : index - 1),
    ArrowDown: () => move(index + 1),
    ArrowUp: () => move(index === -1 ? 0 : index - 1),
    Enter: () => here !== undefined && go(runHref(here.id)),
    x: select(false),
    '⇧x': select(true),
    r: withHere('run.retry', (run) => isEnded(run.status) && void acts.retry(run.id)),
    c: withHere('run.cancel', (run) => !isEnded(run.status) && acts.cancel(run.id, '', false)),
    p: withHere('run.pause', (run) =>
      run.status === 'paused' ? acts.resume(run.id) : isEnded(run.status) ? undefined : acts.pause(run.id),
    ),
    '.': () => body.current?.querySelector<HTMLElement>(`[data-id="${at}"] [aria-haspopup]`)?.click(),
    Escape: clear,
  });
  const items = virtual.getVirtualItems();
  const margin = body.current?.offsetTop ?? 0;
  const first = items[0];
  const last = items.at(-1);
  const shown = items.flatMap((item) => rows[item.index] ?? []);
  return (
    <div className="tbl" role="table" aria-label="Runs" aria-rowcount={rows.length} data-testid="runs">
      {!narrow && (
        <div className="tr th" role="row" style={{ '--cols': selectable ? RUN_COLS : RUN_COLS_PLAIN }}>
          {selectable && (
            <span role="columnheader">
              <button
                type="button"
                className={`ck ${ids.size > 0 && ids.size === rows.length ? 'on' : ''}`}
                role="checkbox"
                aria-checked={ids.size === 0 ? false : ids.size === rows.length ? true : 'mixed'}
                aria-label="Select all"
                onClick={all}
              >
                {ids.size > 0 && <Icon name="check" />}
              </button>
            </span>
          )}
          <span role="columnheader">Status</span>
          <span role="columnheader">Workflow</span>
          <span role="columnheader">Run</span>
          <span role="columnheader">What it does, or why it stands still</span>
          <span role="columnheader" className="num">
            Started
          </span>
          <span role="columnheader" className="num">
            Took
          </span>
          <span role="columnheader">Queue</span>
          <span role="columnheader">
            <span className="sr">Acts</span>
          </span>
        </div>
      )}
      <div ref={body} role="rowgroup">
        <div style={{ height: Math.max(0, (first?.start ?? margin) - margin) }} />
        {shown.map((run) =>
          narrow ? (
            <RunCard key={run.id} run={run} onFocus={focus} />
          ) : (
            <RunLine
              key={run.id}
              run={run}
              selected={ids.has(run.id)}
              selectable={selectable}
              focused={run.id === at}
              onSelect={toggle}
              onFocus={focus}
            />
          ),
        )}
        <div
          style={{ height: last === undefined ? 0 : Math.max(0, virtual.getTotalSize() + margin - last.end - margin) }}
        />
      </div>
    </div>
  );
}
