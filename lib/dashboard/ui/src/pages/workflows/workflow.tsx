import { useQuery } from '@tanstack/react-query';
import { useEffect, useMemo, useRef, useState } from 'react';
import { Link } from 'wouter';
import { ApiError, get, part } from '../../lib/api.js';
import { filterOf } from '../../lib/filter.js';
import { workflowOf } from '../../lib/rows.js';
import { useMay } from '../../lib/me.js';
import { duration } from '../../lib/time.js';
import type { Page, Schedule, Workflow } from '../../lib/types.js';
import { hrefOf, runHref, runsHref, useNarrow, useUrl } from '../../lib/url.js';
import { count, figure, percent, plural } from '../../lib/words.js';
import { Facts } from '../../parts/facts.js';
import { OneFigure } from '../../parts/figure.js';
import { Button } from '../../parts/button.js';
import { fitting, Graph, type NodeState } from '../../parts/graph.js';
import { Icon, statusOf, statusText } from '../../parts/icon.js';
import { Empty, Skeleton, Trouble } from '../../parts/states.js';
import { Ago, At, Until } from '../../parts/text.js';
import { STATES_ALONE } from '../../shell/nav.js';
import { PageFrame } from '../../shell/page.js';
import { settingsOf } from '../run/settings.js';
import { Histogram } from './histogram.js';
import { StartForm } from './start-form.js';

const TABS = ['graph', 'versions', 'schedules', 'settings'] as const;

/** One workflow: how it goes, how it looks, and a form to start it. */
export default function WorkflowPage({ name }: { name: string }) {
  const { data, error, isPending, refetch } = useQuery({
    queryKey: ['workflow', name, '24h'],
    queryFn: async ({ signal }) => workflowOf(await get<Workflow>(`workflows/${part(name)}`, {}, signal)),
    refetchInterval: 15_000,
  });
  return (
    <PageFrame title={name} crumbs={[{ text: 'Workflows', href: '/workflows' }, { text: <code>{name}</code> }]}>
      {isPending && <Skeleton rows={10} height={48} />}
      {data === undefined &&
        error !== null &&
        (error instanceof ApiError && error.status === 404 ? (
          <div className="page">
            <h1 className="sr">{name}</h1>
            <Empty title="No process knows this workflow">
              <p className="i2">Its class may be gone, or its name changed.</p>
            </Empty>
          </div>
        ) : (
          <Trouble error={error} again={() => void refetch()} />
        ))}
      {data !== undefined && <Body workflow={data} />}
    </PageFrame>
  );
}

function Body({ workflow }: { workflow: Workflow }) {
  const { name, version, description, versions = [] } = workflow;
  const { params, path, go } = useUrl();
  const may = useMay();
  const tab = TABS.find((one) => one === params.get('tab')) ?? 'graph';
  const form = useRef<HTMLDivElement>(null);
  const wants = params.get('start') !== null;
  const toForm = (): void => {
    form.current?.scrollIntoView({ block: 'center' });
    form.current?.querySelector<HTMLElement>('input, textarea, select')?.focus();
  };
  useEffect(() => {
    if (wants) toForm();
  }, [wants]);
  return (
    <>
      <div className="page flush">
        <div className="row wrap">
          <h1 className="mono">{name}</h1>
          <span className="tag">version {version}</span>
          <span className="grow" />
          <div className="btns acts">
            {may('run.start') && (
              <Button look="pri" icon="play" testId="start-run" onClick={toForm}>
                Start a run
              </Button>
            )}
            <Link className="btn" href={runsHref(filterOf({ workflow: name, since: '24h' }))}>
              <Icon name="runs" />
              Runs
            </Link>
          </div>
        </div>
        <p className="i2 lead">{description}</p>
      </div>
      <Figures workflow={workflow} />
      <div className="two stretch-b">
        <section className="wf-l">
          <div className="tabs" role="tablist" aria-label="Parts of the workflow">
            {TABS.map((one) => (
              <Link
                key={one}
                role="tab"
                data-testid={`tab-${one}`}
                aria-selected={one === tab}
                href={hrefOf(path, params, { tab: one === 'graph' ? null : one })}
              >
                {one.charAt(0).toUpperCase() + one.slice(1)}
                {one === 'versions' && versions.length > 0 && <small>{versions.length}</small>}
              </Link>
            ))}
          </div>
          {tab === 'graph' && <GraphPart workflow={workflow} />}
          {tab === 'versions' && <Versions workflow={workflow} />}
          {tab === 'schedules' && <Schedules name={name} />}
          {tab === 'settings' && <Settings workflow={workflow} />}
        </section>
        <section className="plain-s">
          {(workflow.durations ?? []).length > 0 && (
            <div className="pad-s">
              <div className="sec-h">
                <h2>How long runs take</h2>
                <span className="note">24 h</span>
              </div>
              <Histogram bins={workflow.durations ?? []} p95={workflow.p95} />
            </div>
          )}
          {may('run.start') && (
            <div className="hl pad-s" ref={form}>
              <StartForm workflow={workflow} onStarted={(id) => go(runHref(id))} />
            </div>
          )}
          {tab !== 'versions' && <Versions workflow={workflow} short />}
        </section>
      </div>
    </>
  );
}

function Figures({ workflow }: { workflow: Workflow }) {
  const { succeeded, p50, p95, perMinute, unfinished, lastRun, series = [], totals } = workflow;
  const runs = series.reduce((sum, p) => sum + p.completed + p.failed, 0);
  const failed = series.reduce((sum, p) => sum + p.failed, 0);
  const split = (ms: number | null): [string, string] => {
    if (ms === null) return ['—', ''];
    const [n = '', unit = ''] = duration(ms, 1).split('\u00a0');
    return [n, unit];
  };
  const [share, sign] = succeeded === null ? ['—', ''] : percent(succeeded).split('\u00a0');
  return (
    <dl className="figs hl" data-testid="figures">
      <OneFigure
        name="Runs in 24 h"
        value={count(runs)}
        note={perMinute === null ? '' : `${figure(perMinute)} / min`}
      />
      <OneFigure
        name="Succeeded"
        value={share ?? '—'}
        unit={sign}
        note={succeeded === null ? 'nothing has ended' : 'of what ended'}
      />
      <OneFigure
        name="Duration, p50"
        value={split(p50)[0]}
        unit={split(p50)[1]}
        note={p95 === null ? '' : `p95 about ${duration(p95, 1)}`}
      />
      <OneFigure name="Failed" value={count(failed)} note="in 24 h" bad={failed > 0} />
      <OneFigure
        name="Unfinished"
        value={count(unfinished)}
        note={`${count(totals.running)} run, ${count(totals.waiting)} wait`}
      />
      <div className="fig">
        <dt>Last run</dt>
        <dd className="ago">{lastRun === null ? 'never' : <Ago at={lastRun.createdAt} />}</dd>
        <dd className="sub">{lastRun === null ? '' : statusText(statusOf(lastRun)).toLowerCase()}</dd>
      </div>
    </dl>
  );
}

function GraphPart({ workflow }: { workflow: Workflow }) {
  const narrow = useNarrow();
  const { go } = useUrl();
  const states = useMemo(() => {
    const by = new Map<string, NodeState>();
    for (const { path, p50, failRate } of workflow.steps ?? []) {
      const bad = failRate !== null && failRate >= 0.05;
      const parts = [
        p50 === null ? '' : `p50 ${duration(p50)}`,
        failRate !== null && failRate > 0 ? `fails ${percent(failRate)}` : '',
      ];
      by.set(path.replace(/\[\d*\]/g, '[]'), {
        status: bad ? 'failed' : 'completed',
        sub: parts.filter((p) => p !== '').join(', '),
      });
    }
    return by;
  }, [workflow.steps]);
  const box = useRef<HTMLDivElement>(null);
  const [zoom, setZoom] = useState(1);
  useEffect(() => setZoom(narrow ? fitting(box.current, 0.7) : 1), [narrow]);
  return (
    <div className="gw" ref={box}>
      <Graph
        definition={workflow.graph}
        name={workflow.name}
        states={states}
        selected={null}
        onSelect={(id) =>
          states.get(id)?.status === 'failed' &&
          go(runsHref(`${filterOf({ workflow: workflow.name, since: '24h' })} status:failed,compensated`))
        }
        slim={narrow}
        zoom={zoom}
      />
    </div>
  );
}

function Versions({ workflow: { name, versions = [] }, short = false }: { workflow: Workflow; short?: boolean }) {
  const shown = short ? versions.filter((v, i) => i === 0 || v.unfinished > 0).slice(0, 6) : versions;
  return (
    <div className={short ? 'hl versions' : 'versions'} data-testid="versions">
      {short && (
        <div className="sec-h">
          <h2>
            Versions <small>of its unfinished runs</small>
          </h2>
        </div>
      )}
      {shown.map(({ version, workers, firstSeen, lastSeen, unfinished }) => (
        <div className="tr link" key={version} style={{ '--cols': '44px 104px minmax(0,1fr) 60px' }}>
          <Link className="b tab-n stretch" href={runsHref(filterOf({ workflow: name, version }))}>
            {version}
          </Link>
          <span className={workers === 0 ? (unfinished > 0 ? 's-fail b' : 'i3') : ''}>
            {workers === 0 ? 'no worker' : plural(workers, 'worker')}
          </span>
          <span className="i3 cut">
            since <At at={firstSeen} grain="minute" />
            {workers === 0 && (
              <>
                {' '}
                to <At at={lastSeen} grain="minute" />
              </>
            )}
          </span>
          <span className="num">{count(unfinished)}</span>
        </div>
      ))}
    </div>
  );
}

function Schedules({ name }: { name: string }) {
  const { data } = useQuery({
    queryKey: ['schedules', 'states'],
    queryFn: ({ signal }) => get<Page<Schedule>>('schedules', STATES_ALONE, signal),
  });
  const own = data?.items.filter((one) => one.workflow === name) ?? [];
  if (data !== undefined && own.length === 0) return <p className="note pad">No schedule starts it.</p>;
  return (
    <div className="versions">
      {own.map((schedule) => (
        <div key={schedule.name} className="tr link" style={{ '--cols': 'minmax(0,1fr) minmax(0,1.4fr) 132px' }}>
          <Link className="m b cut stretch" href={`/schedules/${part(schedule.name)}`}>
            {schedule.name}
          </Link>
          <span className="cut i2">{schedule.words ?? schedule.cron}</span>
          <span className="num i3">
            {schedule.nextRunAt === null ? (
              'off'
            ) : (
              <>
                in <Until at={schedule.nextRunAt} most={2} />
              </>
            )}
          </span>
        </div>
      ))}
    </div>
  );
}

function Settings({ workflow: { graph } }: { workflow: Workflow }) {
  const own: [string, string][] = [
    ['Queue', `\`${graph.queue}\``],
    ['Priority', String(graph.priority)],
    ['Timeout', graph.timeout === null ? 'none' : duration(graph.timeout)],
    ['Rounds', graph.maxRetries === 0 ? 'one' : `${graph.maxRetries + 1}`],
    ['Recoveries', String(graph.maxRecoveries)],
    ['Concurrency', graph.concurrency === null ? 'no limit' : `${graph.concurrency.limit} a key`],
  ];
  return (
    <div className="pad-s settings">
      <Facts of={own} />
      {graph.nodes.map((node) => (
        <div key={node.name}>
          <h4 className="m">{node.name}</h4>
          <Facts of={settingsOf(graph, node.name)} />
        </div>
      ))}
    </div>
  );
}
