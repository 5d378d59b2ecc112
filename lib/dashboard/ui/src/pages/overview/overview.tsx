import { useQuery } from '@tanstack/react-query';
import { type ReactNode, useState } from 'react';
import { Link } from 'wouter';
import { get } from '../../lib/api.js';
import { serverSaid, now } from '../../lib/clock.js';
import { useWidth } from '../../lib/size.js';
import { ago, duration, roughly } from '../../lib/time.js';
import type { Figure, Overview } from '../../lib/types.js';
import { runHref, runsHref, useUrl } from '../../lib/url.js';
import { capital, count, figure, percent, plural, shortId, spelt } from '../../lib/words.js';
import { Button, Segments } from '../../parts/button.js';
import { DurationChart, EndedChart, Spark } from '../../parts/charts.js';
import { glyphs, type Glyph } from '../../parts/glyphs.js';
import { Icon } from '../../parts/icon.js';
import { Skeleton, Trouble } from '../../parts/states.js';
import { Ago, At, Took, Until } from '../../parts/text.js';
import { PageFrame } from '../../shell/page.js';
import { QueuesInShort, WorkersInShort } from './in-short.js';
import { Problems } from './problems.js';

const WINDOWS = [
  ['1h', '1 h'],
  ['6h', '6 h'],
  ['24h', '24 h'],
  ['7d', '7 d'],
  ['30d', '30 d'],
] as const;
const MS: Record<string, number> = { '1h': 3.6e6, '6h': 2.16e7, '24h': 8.64e7, '7d': 6.048e8, '30d': 2.592e9 };

/** A sentence, what is wrong, and how it goes. */
export default function OverviewPage() {
  const { params, set } = useUrl();
  const asked = params.get('window') ?? '24h';
  const span = MS[asked] === undefined ? '24h' : asked;
  const workflow = params.get('workflow');
  const { data, error, isPending, refetch } = useQuery({
    queryKey: ['overview', span, workflow],
    queryFn: async ({ signal }) => {
      const answer = await get<Overview>('overview', { window: span, workflow }, signal);
      serverSaid(answer.asOf);
      return answer;
    },
    refetchInterval: 10_000,
    placeholderData: (before) => before,
  });
  return (
    <PageFrame title="Overview" crumbs={[{ text: 'Overview' }]}>
      <div className="page flush">
        <div className="head">
          <h1 className="sr">Overview</h1>
          <p className="verdict" data-testid="verdict" aria-live="polite">
            {data === undefined ? ' ' : verdictOf(data)}
          </p>
          <span className="grow" />
          <Segments
            label="Window"
            testId="window"
            value={span as (typeof WINDOWS)[number][0]}
            options={WINDOWS}
            onChange={(to) => set({ window: to === '24h' ? null : to })}
          />
        </div>
      </div>
      {error !== null && <Trouble error={error} again={() => void refetch()} />}
      {isPending && <Skeleton rows={12} height={52} />}
      {data !== undefined && <Body data={data} span={span} />}
    </PageFrame>
  );
}

export function verdictOf({ problems, figures }: Overview): string {
  const bad = problems.filter((p) => p.state === 'bad').length;
  const warn = problems.length - bad;
  const parts = [bad > 0 ? spelt(bad, 'problem') : '', warn > 0 ? spelt(warn, 'warning') : ''].filter((p) => p !== '');
  const waits = figures.inputs > 0 ? ` ${plural(figures.inputs, 'answer is', 'answers are')} waited for.` : '';
  if (parts.length > 0) return `${capital(parts.join(' and '))}.${waits}`;
  const last = figures.lastFailureAt;
  const failure =
    last === null || last === undefined
      ? 'no failure in this window'
      : `the last failure ${ago(now() - Date.parse(last))}`;
  return `All is well. ${capital(failure)}.${waits}`;
}

function Body({ data, span }: { data: Overview; span: string }) {
  return (
    <>
      <Problems problems={data.problems} />
      <Figures figures={data.figures} span={span} />
      <div className="two under">
        <EndedPart data={data} />
        <DurationPart data={data} />
      </div>
      <div className="two under">
        <Failures failures={data.failures} span={span} />
        <QueuesInShort queues={data.queues} />
      </div>
      <div className="two">
        <Waits waits={data.oldestWaits} />
        <WorkersInShort workers={data.workers} />
      </div>
    </>
  );
}

const BEFORE: Record<string, string> = {
  '1h': 'the hour before',
  '6h': 'the 6 h before',
  '24h': 'the day before',
  '7d': 'the week before',
  '30d': 'the 30 days before',
};

function compared({ now: is, before: was }: Figure, span: string): string {
  if (is === null || was === null || was === undefined) return '';
  const than = BEFORE[span] ?? 'before';
  if (was === 0) return is === 0 ? `as ${than}` : `none ${than}`;
  const ratio = is / was;
  if (ratio >= 3) return `${figure(Math.round(ratio))} times ${than}`;
  const change = Math.round((ratio - 1) * 100);
  return change === 0 ? `as ${than}` : `${Math.abs(change)} % ${change > 0 ? 'up on' : 'down on'} ${than}`;
}

function Figures({ figures, span }: { figures: Overview['figures']; span: string }) {
  const { started, completed, failed, p50, p95, delay50, delay95, unfinished } = figures;
  const minutes = (MS[span] ?? 1) / 60_000;
  const ended = (completed.now ?? 0) + (failed.now ?? 0);
  const time = (ms: number | null): [string, string] => {
    if (ms === null) return ['—', ''];
    const [n = '', unit = ''] = duration(ms, 1).split('\u00a0');
    return [n, unit];
  };
  return (
    <dl className="figs" data-testid="figures">
      <One
        name="Started"
        value={count(started.now ?? 0)}
        unit={`${figure((started.now ?? 0) / minutes)} / min`}
        note={compared(started, span)}
      />
      <One
        name="Completed"
        value={count(completed.now ?? 0)}
        note={ended === 0 ? '' : `${percent((completed.now ?? 0) / ended)} of what ended`}
      />
      <One
        name="Failed"
        value={count(failed.now ?? 0)}
        unit={ended === 0 ? '' : percent((failed.now ?? 0) / ended)}
        note={compared(failed, span)}
        bad={(failed.now ?? 0) > 0}
      />
      <One
        name="Duration, p50"
        value={time(p50.now)[0]}
        unit={time(p50.now)[1]}
        note={p95.now === null ? '' : `p95 about ${duration(p95.now, 1)}`}
      />
      <One
        name="Start delay, p50"
        value={time(delay50.now)[0]}
        unit={time(delay50.now)[1]}
        note={delay95.now === null ? '' : `p95 about ${duration(delay95.now, 1)}`}
      />
      <One
        name="Unfinished"
        value={count(unfinished.total)}
        unit={`${count(unfinished.running)} running`}
        note={`${count(unfinished.waiting)} wait, ${count(unfinished.due)} due`}
      />
    </dl>
  );
}

function One({
  name,
  value,
  unit = '',
  note,
  bad = false,
}: {
  name: string;
  value: string;
  unit?: string;
  note: string;
  bad?: boolean;
}) {
  return (
    <div className="fig">
      <dt>{name}</dt>
      <dd className={bad ? 's-fail' : ''}>
        {value}
        {unit !== '' && <small>{unit}</small>}
      </dd>
      <dd className="sub">{note}</dd>
    </div>
  );
}

/** A chart, or the table that says the same. */
function ChartPart({
  label,
  head,
  legend,
  chart,
  table,
}: {
  label: string;
  head: ReactNode;
  legend: ReactNode;
  chart: ReactNode;
  table: ReactNode;
}) {
  const [asTable, setAsTable] = useState(false);
  return (
    <section aria-label={label}>
      <div className="sec-h">
        <h2>{head}</h2>
        <span className="key">{legend}</span>
        <Button look="bare sm" aria-pressed={asTable} onClick={() => setAsTable(!asTable)}>
          {asTable ? 'View as chart' : 'View as table'}
        </Button>
      </div>
      {asTable ? <div className="chart-t">{table}</div> : chart}
    </section>
  );
}

function EndedPart({ data }: { data: Overview }) {
  const [ref, width] = useWidth<HTMLDivElement>(700);
  const { go } = useUrl();
  const { series } = data;
  const size = series.length > 1 ? Date.parse(series[1]?.at ?? '') - Date.parse(series[0]?.at ?? '') : 0;
  return (
    <ChartPart
      label="Ended runs"
      head={<>Ended runs {size > 0 && <small>for each {roughly(size)}</small>}</>}
      legend={
        <>
          <span>
            <i className="c-done" />
            completed
          </span>
          <span>
            <i className="c-fail" />
            failed, below the line
          </span>
        </>
      }
      chart={
        <div ref={ref} className="chart-b">
          <EndedChart
            series={series}
            width={width}
            onWindow={(from, to) => go(runsHref(`since:${from.replace('.000', '')} until:${to.replace('.000', '')}`))}
          />
        </div>
      }
      table={
        <table>
          <thead>
            <tr>
              <th scope="col">From</th>
              <th scope="col">Completed</th>
              <th scope="col">Failed</th>
              <th scope="col">Other</th>
            </tr>
          </thead>
          <tbody>
            {series.map((p) => (
              <tr key={p.at}>
                <td>
                  <At at={p.at} grain="minute" />
                </td>
                <td>{count(p.completed)}</td>
                <td>{count(p.failed)}</td>
                <td>{count(p.other)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      }
    />
  );
}

function DurationPart({ data: { latency } }: { data: Overview }) {
  const [ref, width] = useWidth<HTMLDivElement>(430);
  const cell = (ms: number | null): string => (ms === null ? '—' : duration(ms));
  return (
    <ChartPart
      label="Duration"
      head={
        <>
          Duration <small>of completed runs</small>
        </>
      }
      legend={
        <>
          <span>
            <i className="c-line" />
            p95
          </span>
          <span>
            <i className="c-line dim" />
            p50
          </span>
        </>
      }
      chart={
        <div ref={ref} className="chart-b">
          <DurationChart series={latency} width={width} />
        </div>
      }
      table={
        <table>
          <thead>
            <tr>
              <th scope="col">From</th>
              <th scope="col">p50</th>
              <th scope="col">p95</th>
              <th scope="col">Start delay p50</th>
              <th scope="col">p95</th>
            </tr>
          </thead>
          <tbody>
            {latency.map((p) => (
              <tr key={p.at}>
                <td>
                  <At at={p.at} grain="minute" />
                </td>
                <td>{cell(p.p50)}</td>
                <td>{cell(p.p95)}</td>
                <td>{cell(p.delay50)}</td>
                <td>{cell(p.delay95)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      }
    />
  );
}

const quotedTerm = (value: string): string => (/[\s",]/.test(value) ? JSON.stringify(value) : value);

function Failures({ failures, span }: { failures: Overview['failures']; span: string }) {
  const total = failures.reduce((sum, f) => sum + f.n, 0);
  const cols = { '--cols': 'minmax(0,1fr) 92px 56px 92px', '--cols-n': 'minmax(0,1fr) 40px 76px' };
  return (
    <section className="wide" data-testid="failures">
      <div className="sec-h">
        <h2>
          Failures by error{' '}
          <small>
            {count(total)} in {span.replace(/(\d+)/, '$1 ')}
          </small>
        </h2>
        <Link className="u note" href={runsHref(`status:failed,compensated,compensation_failed since:${span}`)}>
          All failed runs
        </Link>
      </div>
      <div className="tbl" role="table" aria-label="Failures">
        {failures.slice(0, 8).map(({ workflow, step, error, message, n, lastAt, spark }) => (
          <div key={`${workflow}${step}${error}`} role="row" className="tr link" style={cols}>
            <span role="cell" className="cut" title={message ?? undefined}>
              <Link
                className="m b stretch"
                href={runsHref(
                  `status:failed,compensated,compensation_failed workflow:${quotedTerm(workflow)} error:${quotedTerm(error)} since:${span}`,
                )}
              >
                {error}
              </Link>{' '}
              <span className="i2">
                {step !== null && (
                  <>
                    <span className="i3">at</span> <code>{step}</code>{' '}
                  </>
                )}
                <span className="i3">in</span> <code>{workflow}</code>
              </span>
            </span>
            <span role="cell" className="wid">
              <Spark values={spark ?? []} />
            </span>
            <span role="cell" className="num b">
              {count(n)}
            </span>
            <span role="cell" className="num i3">
              <Ago at={lastAt} />
            </span>
          </div>
        ))}
        {failures.length === 0 && <p className="note pad">Nothing has failed in this window.</p>}
      </div>
    </section>
  );
}

const WAIT_ICONS: Record<string, Glyph> = {
  input: 'approval',
  child: 'child',
  sleep: 'schedules',
  any: 'event',
  all: 'event',
};
const WAIT_WORDS: Record<string, string> = { input: 'answer', any: 'events', all: 'events' };

function Waits({ waits }: { waits: Overview['oldestWaits'] }) {
  const cols = { '--cols': 'minmax(0,1.3fr) minmax(0,1fr) 72px 132px', '--cols-n': 'minmax(0,1fr) 66px 112px' };
  return (
    <section className="wide" data-testid="oldest-waits">
      <div className="sec-h">
        <h2>Oldest waits</h2>
        <Link className="u note" href="/inbox">
          Inbox
        </Link>
      </div>
      <div className="tbl" role="table" aria-label="Oldest waits">
        {waits.map(({ kind, name, runId, workflow, since, timeoutAt }) => (
          <div key={runId + name} role="row" className="tr link" style={cols}>
            <span role="cell" className="row">
              <Icon name={WAIT_ICONS[kind] ?? (kind in glyphs ? (kind as Glyph) : 'waiting')} className="i3" />
              <span className="cut">
                <Link className="m b stretch" href={runHref(runId)}>
                  {name}
                </Link>{' '}
                <span className="i3">{WAIT_WORDS[kind] ?? kind}</span>
              </span>
            </span>
            <span role="cell" className="cut i2 wid">
              <code>{workflow}</code> <code className="i3">{shortId(runId)}</code>
            </span>
            <span role="cell" className="num b">
              <Took from={since} to={null} />
            </span>
            <span
              role="cell"
              className={`num ${timeoutAt !== null && Date.parse(timeoutAt) - now() < 8.64e7 ? 's-wait' : 'i3'}`}
            >
              {timeoutAt === null ? (
                'never times out'
              ) : (
                <>
                  times out in <Until at={timeoutAt} most={1} />
                </>
              )}
            </span>
          </div>
        ))}
        {waits.length === 0 && <p className="note pad">Nothing is waited for.</p>}
      </div>
    </section>
  );
}
