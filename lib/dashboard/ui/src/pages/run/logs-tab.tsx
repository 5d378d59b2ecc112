import { useInfiniteQuery } from '@tanstack/react-query';
import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useMemo, useRef, useState } from 'react';
import { Link } from 'wouter';
import { useAllPages } from '../../lib/all-pages.js';
import { get } from '../../lib/api.js';
import { kept } from '../../lib/store.js';
import { clock } from '../../lib/time.js';
import { isEnded } from '../../lib/tree-node.js';
import type { LogRow, Page, Run } from '../../lib/types.js';
import { hrefOf, useUrl } from '../../lib/url.js';
import { count } from '../../lib/words.js';
import { Button } from '../../parts/button.js';
import { Icon } from '../../parts/icon.js';
import { Empty, Skeleton, Trouble } from '../../parts/states.js';
import { Linked } from '../../parts/text.js';

const LEVELS = ['fatal', 'error', 'warn', 'log', 'debug', 'verbose'] as const;
const wrap = kept('logs.wrap', true);
const follow = kept('logs.follow', false);

export default function LogsTab({ run }: { run: Run }) {
  const { params, set } = useUrl();
  const level = params.get('level');
  const step = params.get('of');
  const [typed, setTyped] = useState(params.get('text') ?? '');
  const text = params.get('text') ?? '';
  const query = useInfiniteQuery({
    queryKey: ['run', run.id, 'logs', level, step, text],
    queryFn: ({ pageParam, signal }) =>
      get<Page<LogRow>>(`runs/${run.id}/logs`, { level, step, text, cursor: pageParam }, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next,
  });
  useAllPages(query);
  const lines = useMemo(() => query.data?.pages.flatMap(({ items }) => items) ?? [], [query.data]);
  useEffect(() => {
    const timer = setTimeout(() => typed !== text && set({ text: typed || null }, true), 250);
    return () => clearTimeout(timer);
  }, [typed, text, set]);
  const counts = useMemo(() => {
    const by = new Map<string, number>();
    for (const line of lines) by.set(line.level, (by.get(line.level) ?? 0) + 1);
    return by;
  }, [lines]);
  const download = (): void => {
    const body = lines
      .map((line) => `${line.time} ${line.level} ${line.step}#${line.attempt} ${line.message}`)
      .join('\n');
    const url = URL.createObjectURL(new Blob([body], { type: 'text/plain' }));
    const link = Object.assign(document.createElement('a'), { href: url, download: `${run.workflow}-${run.id}.log` });
    link.click();
    URL.revokeObjectURL(url);
  };
  return (
    <div className="split one">
      <div className="l" data-testid="logs">
        <div className="tl-bar wrap">
          <span className="field find">
            <Icon name="search" />
            <input
              aria-label="Search in the logs"
              data-testid="log-filter"
              placeholder="Text"
              value={typed}
              onChange={(event) => setTyped(event.target.value)}
            />
          </span>
          <div className="facet" role="group" aria-label="Level">
            {LEVELS.filter((one) => counts.has(one) || one === level).map((one) => (
              <button
                key={one}
                type="button"
                aria-pressed={one === level}
                onClick={() => set({ level: one === level ? null : one }, true)}
              >
                <span className={`lv ${one}`}>{one}</span>
                {count(counts.get(one) ?? 0)}
              </button>
            ))}
          </div>
          {step !== null && (
            <Button look="sm" icon="x" onClick={() => set({ of: null }, true)}>
              {step}
            </Button>
          )}
          <span className="grow" />
          <Button
            look={`bare sm ${wrap.use() ? 'press' : ''}`}
            aria-pressed={wrap.use()}
            onClick={() => wrap.set(!wrap.get())}
          >
            Wrap
          </Button>
          {!isEnded(run.status) && (
            <Button
              look={`bare sm ${follow.use() ? 'press' : ''}`}
              aria-pressed={follow.use()}
              onClick={() => follow.set(!follow.get())}
            >
              Follow
            </Button>
          )}
          <Button look="bare sm" icon="download" onClick={download}>
            Download
          </Button>
        </div>
        {query.error !== null && lines.length === 0 ? (
          <Trouble error={query.error} again={() => void query.refetch()} />
        ) : query.isPending ? (
          <Skeleton rows={10} height={24} />
        ) : lines.length === 0 ? (
          <div className="page">
            <Empty title="No lines">
              <p className="i2">
                What a step writes to Nest’s logger or the console while it runs is kept with its attempt. The lines of
                an attempt come when it ends or waits.
              </p>
            </Empty>
          </div>
        ) : (
          <Lines lines={lines} text={text} />
        )}
        {query.isFetchNextPageError && <Trouble error={query.error} again={() => void query.fetchNextPage()} />}
        {!isEnded(run.status) && lines.length > 0 && (
          <p className="note log-note">The lines of an attempt come when it ends or waits.</p>
        )}
      </div>
    </div>
  );
}

function Lines({ lines, text }: { lines: readonly LogRow[]; text: string }) {
  const { params, path } = useUrl();
  const ref = useRef<HTMLDivElement>(null);
  const wrapped = wrap.use();
  const tail = follow.use();
  const virtual = useVirtualizer({
    count: lines.length,
    getScrollElement: () => ref.current,
    estimateSize: () => 24,
    overscan: 20,
  });
  useEffect(() => {
    if (tail) virtual.scrollToIndex(lines.length - 1, { align: 'end' });
  }, [tail, lines.length, virtual]);
  return (
    <div
      className={`log-box ${wrapped ? 'wrapped' : ''}`}
      ref={ref}
      tabIndex={0}
      role="log"
      aria-label="Logs"
      aria-live="off"
    >
      <div style={{ height: virtual.getTotalSize(), position: 'relative' }}>
        {virtual.getVirtualItems().map((item) => {
          const line = lines[item.index];
          if (line === undefined) return null;
          return (
            <div
              key={item.key}
              ref={virtual.measureElement}
              data-index={item.index}
              className={`log-l ${line.level}`}
              data-testid="log-line"
              style={{ transform: `translateY(${item.start}px)` }}
            >
              <Link
                className="x"
                href={hrefOf(path, params, { tab: null, step: line.step, level: null, text: null, of: null })}
                title="Show on the timeline"
              >
                {clock(new Date(line.time), 'ms')}
              </Link>
              <span className={`lv ${line.level}`}>{line.level}</span>
              <Link className="cut i2" href={hrefOf(path, params, { of: line.step })} replace>
                {line.step}
                {line.attempt > 1 && <span className="i3">#{line.attempt}</span>}
              </Link>
              <span className="msg">
                {text === '' ? <Linked text={line.message} /> : <Marked text={line.message} part={text} />}
                {line.metadata !== undefined && <span className="i3"> {JSON.stringify(line.metadata)}</span>}
                {line.dropped !== undefined && (
                  <span className="i3"> ({count(line.dropped)} more lines were not kept)</span>
                )}
              </span>
            </div>
          );
        })}
      </div>
    </div>
  );
}

function Marked({ text, part }: { text: string; part: string }) {
  const at = text.toLowerCase().indexOf(part.toLowerCase());
  if (at === -1) return text;
  return (
    <>
      {text.slice(0, at)}
      <mark>{text.slice(at, at + part.length)}</mark>
      {text.slice(at + part.length)}
    </>
  );
}
