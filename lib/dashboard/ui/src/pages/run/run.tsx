import { lazy, Suspense, useEffect } from 'react';
import { Link } from 'wouter';
import { ApiError, part } from '../../lib/api.js';
import { now } from '../../lib/clock.js';
import { filterOf } from '../../lib/filter.js';
import { useKeys } from '../../lib/keys.js';
import { useMay } from '../../lib/me.js';
import { copy } from '../../lib/clipboard.js';
import { isEnded } from '../../lib/tree-node.js';
import type { Count, Run } from '../../lib/types.js';
import { hrefOf, runsHref, useNarrow, useUrl } from '../../lib/url.js';
import { counted, plain, saidOnce, shortId, within } from '../../lib/words.js';
import { Button } from '../../parts/button.js';
import { StatusIcon, statusOf, StatusWord } from '../../parts/icon.js';
import { Empty, Skeleton, Trouble } from '../../parts/states.js';
import { Ago, At, Took, Until, Words } from '../../parts/text.js';
import { PageFrame } from '../../shell/page.js';
import { RunActs } from './acts.js';
import { useFamily, useHistory, useRun, useWaits } from './run-data.js';
import { TimelineTab } from './timeline-tab.js';

const GraphTab = lazy(() => import('./graph-tab.js'));
const StepsTab = lazy(() => import('./steps-tab.js'));
const DataTab = lazy(() => import('./data-tab.js'));
const LogsTab = lazy(() => import('./logs-tab.js'));
const HistoryTab = lazy(() => import('./history-tab.js'));
const FamilyTab = lazy(() => import('./family-tab.js'));
const RunAnswer = lazy(() => import('./run-answer.js'));

export function RunPage({ id }: { id: string }) {
  const { data: run, error, refetch } = useRun(id);
  const { go, path } = useUrl();
  useEffect(() => {
    // A prefix of an id leads to the run; its address is the whole one.
    if (run !== undefined && run.id !== id) go(path.replace(id, run.id), true);
  }, [run, id, go, path]);
  if (run !== undefined) return <Page run={run} />;
  const gone = error instanceof ApiError && error.status === 404;
  return (
    <PageFrame title={shortId(id)} crumbs={[{ text: 'Runs', href: '/runs' }, { text: <code>{shortId(id)}</code> }]}>
      {error === null ? (
        <Skeleton rows={10} />
      ) : gone ? (
        <div className="page">
          <h1 className="sr">A run that is not here</h1>
          <Empty title="This run is not here">
            <p className="i2">
              No run has the id <code>{id}</code>. If retention deletes finished runs here, their steps and logs went
              with it.
            </p>
          </Empty>
        </div>
      ) : (
        <Trouble error={error} again={() => void refetch()} />
      )}
    </PageFrame>
  );
}

export const TABS = ['timeline', 'graph', 'steps', 'data', 'logs', 'history', 'family'] as const;
type Tab = (typeof TABS)[number];

function Page({ run }: { run: Run }) {
  const { params, set } = useUrl();
  const tab = (TABS as readonly string[]).includes(params.get('tab') ?? '') ? (params.get('tab') as Tab) : 'timeline';
  const narrow = useNarrow();
  const may = useMay();
  const waits = useWaits(run);
  const status = statusOf(run);
  const show = (name: string | undefined): void => {
    if (name !== undefined) set({ tab: name === 'timeline' ? null : name });
  };
  useKeys(Object.fromEntries(TABS.map((name, i) => [String(i + 1), () => show(name)])));
  const answering = params.get('answer') !== null && waits.inputs.length > 0 && may('input.read');
  const short = shortId(run.id);
  return (
    <PageFrame
      title={`${run.workflow} ${short}`}
      crumbs={[
        { text: 'Runs', href: '/runs' },
        { text: <code>{run.workflow}</code>, href: runsHref(filterOf({ workflow: run.workflow })) },
        { text: <code>{short}</code> },
      ]}
    >
      <div className="page run-head">
        <div className="row wrap">
          <h1 className="mono" data-testid="run-title">
            {run.workflow}
          </h1>
          <StatusWord status={status} testId="run-status" />
          {!narrow && <code className="i3">{run.id}</code>}
          {!narrow && (
            <Button
              look="bare sm square"
              icon="copy"
              aria-label="Copy id"
              onClick={() => copy(run.id, 'The id is copied')}
            />
          )}
          <span className="grow" />
          <RunActs run={run} waits={waits} />
        </div>
        <Meta run={run} />
        <Sentence run={run} />
        <Tabs run={run} tab={tab} />
      </div>
      <div className={answering ? 'page run-body answering' : 'page run-body'}>
        <Suspense fallback={<Skeleton rows={8} height={28} />}>
          {tab === 'timeline' && <TimelineTab run={run} quiet={answering} />}
          {tab === 'graph' && <GraphTab run={run} />}
          {tab === 'steps' && <StepsTab run={run} />}
          {tab === 'data' && <DataTab run={run} />}
          {tab === 'logs' && <LogsTab run={run} />}
          {tab === 'history' && <HistoryTab run={run} />}
          {tab === 'family' && <FamilyTab run={run} />}
          {answering && <RunAnswer inputs={waits.inputs} onClose={() => set({ answer: null })} />}
        </Suspense>
      </div>
    </PageFrame>
  );
}

function Meta({ run }: { run: Run }) {
  const started = run.startedAt ?? run.createdAt;
  const ended = isEnded(run.status);
  const old = now() - Date.parse(started) > 3_600_000;
  return (
    <div className="meta run-meta">
      <span>
        {run.startedAt === null ? 'Created' : 'Started'}{' '}
        <b>
          <At at={started} />
        </b>
        {!ended && !old && (
          <b>
            , <Ago at={started} />
          </b>
        )}
      </span>
      {run.completedAt !== null && (
        <span>
          Ended{' '}
          <b>
            <At at={run.completedAt} />, <Ago at={run.completedAt} />
          </b>
        </span>
      )}
      {run.startedAt !== null && (
        <span>
          {ended ? 'Took' : 'For'}{' '}
          <b>
            <Took from={started} to={run.completedAt} />
          </b>
        </span>
      )}
      <span>
        Queue{' '}
        <b>
          <code>{run.queue}</code>
        </b>
      </span>
      {run.version !== null && (
        <span>
          Version <b>{run.version}</b>
        </span>
      )}
      {run.priority !== 0 && (
        <span>
          Priority <b>{run.priority}</b>
        </span>
      )}
      {run.round > 1 && (
        <span>
          Round <b>{run.round}</b>
        </span>
      )}
      {run.parentId !== null && (
        <span>
          Child of{' '}
          <Link className="u" href={`/runs/${run.parentId}`}>
            <code>{shortId(run.parentId)}</code>
          </Link>
        </span>
      )}
      {run.retryOf !== null && (
        <span>
          Retry of{' '}
          <Link className="u" href={`/runs/${run.retryOf}`}>
            <code>{shortId(run.retryOf)}</code>
          </Link>
        </span>
      )}
      {Object.keys(run.tags).length > 0 && (
        <span className="row tags">
          {Object.entries(run.tags).map(([key, value]) => (
            <Link
              className="tag"
              key={key}
              title={`${key}: ${value}`}
              href={runsHref(filterOf({ [`tag.${key}`]: value }))}
            >
              <i>{key}:</i>
              {value}
            </Link>
          ))}
        </span>
      )}
      {run.links.map(({ label, href }) => (
        <a key={href} className="u" href={href} target="_blank" rel="noreferrer">
          {label}
        </a>
      ))}
    </div>
  );
}

function Sentence({ run }: { run: Run }) {
  const { detail, until } = run.standing;
  const title = saidOnce(run.standing.title);
  const failed =
    run.error !== null &&
    (run.status === 'failed' || run.status === 'compensated' || run.status === 'compensation_failed');
  return (
    <section className="say" data-testid="sentence">
      <StatusIcon status={statusOf(run)} />
      <div role="status">
        <h2 aria-label={plain(title)}>
          <Words text={title} />
        </h2>
        {(detail !== null || failed) && (
          <p>
            {detail !== null && <Words text={detail} />}{' '}
            {failed && run.error !== null && (
              <Link
                className="u nowrap"
                href={runsHref(filterOf({ workflow: run.workflow, error: run.error.name, since: '24h' }))}
              >
                Runs that failed the same way
              </Link>
            )}
          </p>
        )}
      </div>
      {until !== null && Date.parse(until) > 0 && (
        <div className="count" data-testid="countdown">
          <b>
            <Until at={until} />
          </b>
          <span className="note">
            until <At at={until} />
          </span>
        </div>
      )}
    </section>
  );
}

function Tabs({ run, tab }: { run: Run; tab: Tab }) {
  const { params, path } = useUrl();
  const may = useMay();
  const family = useFamily(run.id, run.childCount > 0 || run.parentId !== null || run.retryOf !== null);
  const shown = TABS.filter((name) => name !== 'logs' || may('log.read'));
  const kin =
    run.childCount +
    (run.parentId === null ? 0 : 1) +
    (run.retryOf === null ? 0 : 1) +
    (family.data?.retries.length ?? 0);
  const history = useHistory(run.id);
  const told = history.data?.pages.reduce((sum, { items }) => sum + items.length, 0) ?? 0;
  const numbers: Partial<Record<Tab, Count>> = {
    steps: run.counts.steps,
    logs: run.counts.logs,
    history: { n: told, more: history.hasNextPage },
    family: { n: kin, more: counted(run.childCount).more },
  };
  return (
    <div className="tabs" role="tablist" aria-label="Parts of the run" data-testid="run-tabs">
      {shown.map((name) => (
        <Link
          key={name}
          role="tab"
          data-testid={`tab-${name}`}
          aria-selected={name === tab}
          href={hrefOf(path, params, { tab: name === 'timeline' ? null : name })}
        >
          {name.charAt(0).toUpperCase() + name.slice(1)}
          <Number of={numbers[name]} />
        </Link>
      ))}
    </div>
  );
}

function Number({ of = { n: 0, more: false } }: { of?: Count | undefined }) {
  const text = within(of);
  return text === '' ? null : <small>{text}</small>;
}

export const workflowHref = (name: string): string => `/workflows/${part(name)}`;
