import { useInfiniteQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { Link } from 'wouter';
import { get, part } from '../lib/api.js';
import type { AuditRow, Page } from '../lib/types.js';
import { runHref, useNarrow, useUrl } from '../lib/url.js';
import { capital, shortId } from '../lib/words.js';
import { actionWords } from '../parts/action-words.js';
import { Further } from '../parts/further.js';
import { Icon, StatusIcon } from '../parts/icon.js';
import { Empty, Skeleton, Trouble } from '../parts/states.js';
import { At } from '../parts/text.js';
import { PageFrame } from '../shell/page.js';

const COLS = {
  '--cols': '132px minmax(0,1fr) minmax(0,1fr) minmax(0,1fr) minmax(0,1.4fr) 110px',
  '--cols-n': 'minmax(0,1fr) 92px',
};

/** Who did what. */
export default function AuditPage() {
  const { params, set } = useUrl();
  const narrow = useNarrow();
  const [actor, action, target] = ['actor', 'action', 'target'].map((key) => params.get(key));
  const query = useInfiniteQuery({
    queryKey: ['audit', actor, action, target],
    queryFn: ({ pageParam, signal }) =>
      get<Page<AuditRow>>('audit', { actor, action, target, cursor: pageParam, limit: 50 }, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next,
    refetchInterval: 15_000,
  });
  const rows = query.data?.pages.flatMap(({ items }) => items) ?? [];
  return (
    <PageFrame title="Audit" crumbs={[{ text: 'Doctor', href: '/doctor' }, { text: 'Audit' }]}>
      <div className="page">
        <div className="head">
          <h1>Audit</h1>
          <span className="grow" />
          {(['actor', 'action', 'target'] as const).map((key) => (
            <Filter
              key={key}
              name={key}
              value={params.get(key) ?? ''}
              onChange={(value) => set({ [key]: value === '' ? null : value }, true)}
            />
          ))}
        </div>
        <div className="bleed">
          {query.isPending && <Skeleton rows={12} />}
          {query.error !== null && rows.length === 0 && (
            <Trouble error={query.error} again={() => void query.refetch()} />
          )}
          {query.data !== undefined && rows.length === 0 && (
            <Empty
              title={actor === null && action === null && target === null ? 'Nobody has acted yet' : 'Nothing fits'}
            >
              <p className="i2">Each act of a person is a row here, refused ones too.</p>
            </Empty>
          )}
          {rows.length > 0 && (
            <div className="tbl" role="table" aria-label="Audit">
              {!narrow && (
                <div className="tr th" role="row" style={COLS}>
                  {['When', 'Who', 'Did', 'To', 'Details', 'Outcome'].map((name) => (
                    <span key={name} role="columnheader">
                      {name}
                    </span>
                  ))}
                </div>
              )}
              {rows.map((row) => (
                <Row key={row.id} row={row} narrow={narrow} />
              ))}
            </div>
          )}
        </div>
        {query.hasNextPage && (
          <div className="row foot">
            <span className="grow" />
            <Further of={query}>Older rows</Further>
          </div>
        )}
      </div>
    </PageFrame>
  );
}

function Filter({ name, value, onChange }: { name: string; value: string; onChange: (value: string) => void }) {
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  return (
    <form
      className="field find"
      onSubmit={(event) => {
        event.preventDefault();
        onChange(text.trim());
      }}
    >
      <Icon name="search" />
      <input
        aria-label={capital(name)}
        placeholder={capital(name)}
        value={text}
        onChange={(event) => setText(event.target.value)}
        onBlur={() => text.trim() !== value && onChange(text.trim())}
      />
    </form>
  );
}

function Target({ row: { targetKind, targetId } }: { row: AuditRow }) {
  if (targetId === null) return <span className="i3">—</span>;
  const href = {
    run: runHref(targetId),
    workflow: `/workflows/${part(targetId)}`,
    schedule: `/schedules/${part(targetId)}`,
    queue: '/queues',
  }[targetKind ?? ''];
  const text = <code>{targetKind === 'run' ? shortId(targetId) : targetId}</code>;
  return (
    <>
      <span className="i3">{targetKind} </span>
      {href === undefined ? (
        text
      ) : (
        <Link className="u" href={href}>
          {text}
        </Link>
      )}
    </>
  );
}

function Outcome({ row: { outcome, code, details } }: { row: AuditRow }) {
  if (details?.['changed'] === false) return <span className="i3">changed nothing</span>;
  if (outcome === 'done') return <span className="i3">done</span>;
  return (
    <>
      <StatusIcon status={outcome === 'refused' ? 'cancelled' : 'failed'} />
      <span className={`cut ${outcome === 'failed' ? 's-fail' : ''}`} title={code ?? undefined}>
        {outcome}
      </span>
    </>
  );
}

function Row({ row, narrow }: { row: AuditRow; narrow: boolean }) {
  const { at, actor, action, outcome, details, ip } = row;
  const said =
    details === null
      ? ''
      : Object.entries(details)
          .map(([key, value]) => `${key}: ${typeof value === 'string' ? value : JSON.stringify(value)}`)
          .join(', ');
  return (
    <div
      className="tr"
      role="row"
      data-testid="audit-row"
      data-actor={actor ?? undefined}
      data-outcome={outcome}
      style={COLS}
    >
      {!narrow && (
        <span role="cell" className="tab-n i2">
          <At at={at} />
        </span>
      )}
      <span role="cell" className="cut" title={ip ?? undefined}>
        {actor ?? <span className="i3">nobody</span>}
        {narrow && (
          <span className="block i2 cut">
            {actionWords(action)} <Target row={row} />
          </span>
        )}
      </span>
      {narrow ? (
        <span role="cell" className="num i3">
          <At at={at} grain="minute" />
          {(outcome !== 'done' || details?.['changed'] === false) && (
            <span className="row end">
              <Outcome row={row} />
            </span>
          )}
        </span>
      ) : (
        <>
          <span role="cell" className="cut" title={action}>
            {capital(actionWords(action))}
          </span>
          <span role="cell" className="cut">
            <Target row={row} />
          </span>
          <span role="cell" className="cut i2" title={said}>
            {said}
          </span>
          <span role="cell" className="row">
            <Outcome row={row} />
          </span>
        </>
      )}
    </div>
  );
}
