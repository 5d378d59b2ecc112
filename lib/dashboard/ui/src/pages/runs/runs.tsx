import { useQuery } from '@tanstack/react-query';
import { lazy, Suspense, useCallback, useState } from 'react';
import { get } from '../../lib/api.js';
import { valueOf } from '../../lib/filter.js';
import { useMay } from '../../lib/me.js';
import { countOf } from '../../lib/run-rows.js';
import type { Count, Input, Page } from '../../lib/types.js';
import { runHref, useNarrow, useUrl } from '../../lib/url.js';
import { BUILT_IN } from '../../lib/views.js';
import { capped, isUnknown } from '../../lib/words.js';
import { Button } from '../../parts/button.js';
import { Empty, Skeleton, Trouble } from '../../parts/states.js';
import { At } from '../../parts/text.js';
import { PageFrame } from '../../shell/page.js';
import { BulkBar } from './bulk.js';
import { FilterBar } from './filter-bar.js';
import { useKeptRows } from './kept-rows.js';
import { Strip } from './strip.js';
import { useSelection } from './selection.js';
import { Views } from './views-bar.js';
import { Nothing } from './nothing.js';
import { Table } from './table.js';

const StartDialog = lazy(() => import('../workflows/start-dialog.js'));

export function RunsPage() {
  const { params, set, go } = useUrl();
  const view = params.get('view');
  const q = params.get('q') ?? BUILT_IN.find(({ id }) => id === view)?.q ?? (view === null ? 'since:24h' : '');
  const may = useMay();
  const narrow = useNarrow();
  const [starting, setStarting] = useState(false);
  const people = usePeople(view === 'people');
  const asked = view === 'people' ? people.q : q;
  const kept = useKeptRows(asked ?? '', asked !== null);
  const { rows, fresh } = kept;
  const selection = useSelection(rows, q);
  const setQ = useCallback((next: string) => set({ q: next, view: null }), [set]);
  const total = useQuery({
    queryKey: ['count', asked],
    queryFn: ({ signal }) => get<Count>('runs/count', { q: asked }, signal),
    enabled: asked !== null && !kept.loading,
  });
  const since = valueOf(q, 'since');
  const told = countOf(total.data, rows.length, !kept.more && !kept.loading);
  const said =
    told === undefined || isUnknown(told)
      ? ''
      : `${capped(told)}${since !== null && /^\d+[smhd]$/.test(since) ? ` in ${since.replace(/(\d+)/, '$1 ')}` : told.n === 1 && !told.more ? ' run' : ' runs'}`;
  const error = kept.error ?? people.error;
  const loading = kept.loading || asked === null;
  const nothing = !loading && rows.length === 0 && error === null && !kept.more;
  return (
    <PageFrame title="Runs" crumbs={[{ text: 'Runs' }]}>
      <div className="page">
        <div className="head">
          <h1>Runs</h1>
          <span className="note tab-n base" data-testid="count">
            {said}
          </span>
          {fresh > 0 && (
            <button type="button" className="pill-new" data-testid="new-runs" onClick={kept.showFresh}>
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
          {error !== null && rows.length === 0 ? (
            <Trouble error={error} again={kept.error === null ? people.again : kept.again} />
          ) : loading && rows.length === 0 ? (
            <Skeleton rows={14} />
          ) : rows.length === 0 && kept.more ? (
            <Empty title="No run that fits so far" />
          ) : nothing ? (
            <Nothing q={q} onChange={setQ} onStart={() => setStarting(true)} />
          ) : (
            <Table rows={rows} selection={selection} narrow={narrow} selectable={may('run.bulk') && !narrow} />
          )}
        </div>
        {kept.olderError !== null && <Trouble error={kept.olderError} again={kept.older} />}
        {(rows.length > 0 || kept.more) && (
          <div className="row foot">
            {!narrow && rows.length > 0 && (
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
            {kept.more && kept.lookedTo !== null && (
              <span className="note" data-testid="looked-to">
                {kept.looking ? 'Looks further back, so far to ' : 'Looked back to '}
                <At at={kept.lookedTo} />
              </span>
            )}
            {kept.more && !(kept.looking && kept.lookedTo !== null) && (
              <Button look="sm" testId="older-runs" onClick={kept.older}>
                {kept.lookedTo === null ? 'Older runs' : 'Look further back'}
              </Button>
            )}
          </div>
        )}
      </div>
      {selection.ids.size > 0 && (
        <BulkBar rows={rows} ids={selection.ids} q={asked ?? q} total={told ?? null} onClear={selection.clear} />
      )}
      {starting && (
        <Suspense fallback={null}>
          <StartDialog onClose={() => setStarting(false)} onStarted={(id) => go(runHref(id))} />
        </Suspense>
      )}
    </PageFrame>
  );
}

/** Runs that wait for people are known by their questions; the filter has no word for them. `q` is null: not known yet. */
function usePeople(enabled: boolean): { q: string | null; error: unknown; again: () => void } {
  const { data, error, refetch } = useQuery({
    queryKey: ['inputs', 'waiting'],
    queryFn: ({ signal }) => get<Page<Input>>('inputs', { limit: 50 }, signal),
    enabled,
  });
  const again = (): void => void refetch();
  if (!enabled || data === undefined) return { q: null, error: enabled ? error : null, again };
  const ids = [...new Set(data.items.map(({ executionId }) => executionId))];
  const q = ids.length === 0 ? 'status:waiting retrying:yes retrying:no' : `id:${ids.join(',')}`;
  return { q, error: null, again };
}
