import { useQuery } from '@tanstack/react-query';
import { useWindowVirtualizer } from '@tanstack/react-virtual';
import { lazy, Suspense, useCallback, useEffect, useRef, useState } from 'react';
import { Link } from 'wouter';
import { acts } from '../../lib/acts.js';
import { get } from '../../lib/api.js';
import { parseFilter, valueOf, withoutTerm } from '../../lib/filter.js';
import { useKeys } from '../../lib/keys.js';
import { useMay } from '../../lib/me.js';
import { isEnded } from '../../lib/tree.js';
import type { Count, Input, Page, RunRow } from '../../lib/types.js';
import { hrefOf, runHref, runsHref, useNarrow, useUrl } from '../../lib/url.js';
import { BUILT_IN, ownViews, type View } from '../../lib/views.js';
import { capped, count } from '../../lib/words.js';
import { Button } from '../../parts/button.js';
import { Icon } from '../../parts/icon.js';
import { Empty, Skeleton, Trouble } from '../../parts/states.js';
import { PageFrame } from '../../shell/page.js';
import { BulkBar } from './bulk.js';
import { FirstRuns } from './first-runs.js';
import { FilterBar } from './filter-bar.js';
import { useHeldRows } from './held-rows.js';
import { RUN_COLS, RUN_COLS_PLAIN, RunCard, RunLine } from './run-row.js';
import { Strip } from './strip.js';

const StartDialog = lazy(() => import('../workflows/start-dialog.js'));

export function RunsPage() {
  const { params, set, go } = useUrl();
  const view = params.get('view');
  const q = params.get('q') ?? BUILT_IN.find(({ id }) => id === view)?.q ?? (view === null ? 'since:24h' : '');
  const may = useMay();
  const narrow = useNarrow();
  const [starting, setStarting] = useState(false);
  const people = usePeople(view === 'people');
  const asked = view === 'people' ? people : q;
  const held = useHeldRows(asked ?? '', asked !== null);
  const { rows, fresh } = held;
  const selection = useSelection(rows, q);
  const setQ = useCallback((next: string) => set({ q: next, view: null }), [set]);
  const total = useQuery({
    queryKey: ['count', asked],
    queryFn: ({ signal }) => get<Count>('runs/count', { q: asked }, signal),
    enabled: asked !== null && !held.loading,
  });
  const since = valueOf(q, 'since');
  const said =
    total.data === undefined
      ? ''
      : `${capped(total.data)}${since !== null && /^\d+[smhd]$/.test(since) ? ` in ${since.replace(/(\d+)/, '$1 ')}` : total.data.n === 1 ? ' run' : ' runs'}`;
  const nothing = !held.loading && rows.length === 0 && held.error === null;
  return (
    <PageFrame title="Runs" crumbs={[{ text: 'Runs' }]}>
      <div className="page">
        <div className="head">
          <h1>Runs</h1>
          <span className="note tab-n base" data-testid="count">
            {said}
          </span>
          {fresh > 0 && (
            <button type="button" className="pill-new" data-testid="new-runs" onClick={held.showFresh}>
              {fresh >= 50 ? 'more than 50' : fresh} new
            </button>
          )}
          <span className="grow" />
          {may('run.start') && (
            <Button icon="play" testId="start-run" onClick={() => setStarting(true)}>
              Start a run
            </Button>
          )}
        </div>
        <Views q={q} view={view} />
        <FilterBar q={q} onChange={setQ} />
        {!narrow && <Strip q={q} onChange={setQ} />}
        <div className="bleed rows">
          {held.error !== null && rows.length === 0 ? (
            <Trouble error={held.error} again={held.again} />
          ) : held.loading && rows.length === 0 ? (
            <Skeleton rows={14} />
          ) : nothing ? (
            <Nothing q={q} onChange={setQ} onStart={() => setStarting(true)} />
          ) : (
            <Table rows={rows} selection={selection} narrow={narrow} selectable={may('run.bulk') && !narrow} />
          )}
        </div>
        {rows.length > 0 && (
          <div className="row foot">
            {!narrow && (
              <span className="note hints" aria-hidden="true">
                <span>
                  <kbd>J</kbd> <kbd>K</kbd> move
                </span>
                <span>
                  <kbd>↵</kbd> open
                </span>
                {may('run.bulk') && (
                  <span>
                    <kbd>X</kbd> select
                  </span>
                )}
                <span>
                  <kbd>R</kbd> retry
                </span>
                <span>
                  <kbd>C</kbd> cancel
                </span>
              </span>
            )}
            <span className="grow" />
            {held.more && (
              <Button look="sm" testId="older-runs" onClick={held.older}>
                Older runs
              </Button>
            )}
          </div>
        )}
      </div>
      {selection.ids.size > 0 && (
        <BulkBar rows={rows} ids={selection.ids} q={asked ?? q} total={total.data ?? null} onClear={selection.clear} />
      )}
      {starting && (
        <Suspense fallback={null}>
          <StartDialog onClose={() => setStarting(false)} onStarted={(id) => go(runHref(id))} />
        </Suspense>
      )}
    </PageFrame>
  );
}

/** Runs that wait for people are known by their questions; the filter has no word for them. null: not known yet. */
function usePeople(enabled: boolean): string | null {
  const { data } = useQuery({
    queryKey: ['inputs', 'waiting'],
    queryFn: ({ signal }) => get<Page<Input>>('inputs', { limit: 50 }, signal),
    enabled,
  });
  if (!enabled || data === undefined) return null;
  const ids = [...new Set(data.items.map(({ executionId }) => executionId))];
  return ids.length === 0 ? 'status:waiting retrying:yes retrying:no' : `id:${ids.join(',')}`;
}

interface Selection {
  readonly ids: ReadonlySet<string>;
  /** The row that keys act on. */
  readonly at: string | null;
  toggle(id: string, range: boolean): void;
  focus(id: string): void;
  all(): void;
  clear(): void;
}

function useSelection(rows: readonly RunRow[], q: string): Selection {
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

function Table({
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

function Views({ q, view }: { q: string; view: string | null }) {
  const own = ownViews.use();
  const { params, path } = useUrl();
  const all = [...BUILT_IN, ...own];
  const here = all.find((one) => one.id === view) ?? all.find((one) => one.q === q && one.id !== 'people');
  return (
    <div className="views" data-testid="views">
      <div className="contents" role="tablist" aria-label="Saved views">
        {all.map((one) => (
          <Link
            key={one.id}
            role="tab"
            aria-selected={one === here}
            href={hrefOf(path, params, { view: one.id, q: BUILT_IN.includes(one) ? null : one.q })}
          >
            {one.name}
            <ViewCount view={one} />
          </Link>
        ))}
      </div>
      {here === undefined && (
        <Button look="bare sm" onClick={() => save(q)}>
          Save view
        </Button>
      )}
      {here !== undefined && own.includes(here) && (
        <Button look="bare sm" onClick={() => ownViews.set((was) => was.filter((one) => one !== here))}>
          Remove view
        </Button>
      )}
    </div>
  );
}

function save(q: string): void {
  const name = parseFilter(q)
    .flatMap(({ values }) => values)
    .slice(0, 2)
    .join(', ');
  ownViews.set((was) => [...was, { id: `own-${Date.now().toString(36)}`, name: name === '' ? 'View' : name, q }]);
}

function ViewCount({ view }: { view: View }) {
  const people = view.id === 'people';
  const may = useMay();
  const { data } = useQuery({
    queryKey: people ? ['inputs-count'] : ['count', view.q],
    queryFn: ({ signal }) =>
      people ? get<Count>('inputs/count', {}, signal) : get<Count>('runs/count', { q: view.q }, signal),
    enabled: view.id !== 'all' && BUILT_IN.includes(view) && (!people || may('input.read')),
    staleTime: 15_000,
  });
  if (data === undefined || view.id === 'all') return null;
  return <small>{data.more ? `${count(data.n)}+` : count(data.n)}</small>;
}

/** An empty filter offers to drop each of its tokens. */
function Nothing({ q, onChange, onStart }: { q: string; onChange: (q: string) => void; onStart: () => void }) {
  const terms = parseFilter(q);
  const any = useQuery({ queryKey: ['count', ''], queryFn: ({ signal }) => get<Count>('runs/count', {}, signal) });
  if (any.data === undefined) return null;
  if (any.data.n === 0) return <FirstRuns onStart={onStart} />;
  const free = terms.some(({ key }) => key === '');
  return (
    <Empty title="No run fits this filter">
      {free && (
        <p className="i2">
          A word without a key is the beginning of an id. Payloads are not searched: give runs tags, and filter by
          these.
        </p>
      )}
      <div className="btns">
        {terms.map((term, i) => (
          <Button key={i} onClick={() => onChange(withoutTerm(q, i))}>
            Without <code>{parseTermText(term)}</code>
          </Button>
        ))}
        <Link className="btn bare" href={runsHref('')}>
          All runs
        </Link>
      </div>
    </Empty>
  );
}

function parseTermText({ key, values, negated }: { key: string; values: readonly string[]; negated: boolean }): string {
  return `${negated ? '-' : ''}${key === '' ? '' : `${key}:`}${values.join(',')}`;
}
