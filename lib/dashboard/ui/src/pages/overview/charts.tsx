import { type ReactNode, useState } from 'react';
import { useWidth } from '../../lib/size.js';
import { duration, roughly } from '../../lib/time.js';
import type { Overview } from '../../lib/types.js';
import { runsHref, useUrl } from '../../lib/url.js';
import { count } from '../../lib/words.js';
import { Button } from '../../parts/button.js';
import { DurationChart, EndedChart } from '../../parts/charts.js';
import { At } from '../../parts/text.js';

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

/** What a chart shows, as a table: the time, then a figure for each head. */
function SeriesTable({ heads, rows }: { heads: readonly string[]; rows: readonly (readonly [string, ...string[]])[] }) {
  return (
    <table>
      <thead>
        <tr>
          {['From', ...heads].map((head) => (
            <th key={head} scope="col">
              {head}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map(([at, ...figures]) => (
          <tr key={at}>
            <td>
              <At at={at} grain="minute" />
            </td>
            {figures.map((figure, n) => (
              <td key={heads[n]}>{figure}</td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

export function EndedPart({ data }: { data: Overview }) {
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
        <SeriesTable
          heads={['Completed', 'Failed', 'Other']}
          rows={series.map((p) => [p.at, count(p.completed), count(p.failed), count(p.other)])}
        />
      }
    />
  );
}

export function DurationPart({ data: { latency } }: { data: Overview }) {
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
        <SeriesTable
          heads={['p50', 'p95', 'Start delay p50', 'Start delay p95']}
          rows={latency.map((p) => [p.at, cell(p.p50), cell(p.p95), cell(p.delay50), cell(p.delay95)])}
        />
      }
    />
  );
}
