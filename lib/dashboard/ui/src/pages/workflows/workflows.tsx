import { useQuery } from '@tanstack/react-query';
import { Link } from 'wouter';
import { get, part } from '../../lib/api.js';
import { workflowsOf } from '../../lib/rows.js';
import { duration } from '../../lib/time.js';
import type { Page, Workflow } from '../../lib/types.js';
import { useUrl } from '../../lib/url.js';
import { count, percent } from '../../lib/words.js';
import { Segments } from '../../parts/button.js';
import { Thumb } from '../../parts/thumb.js';
import { Icon, statusOf, StatusIcon, statusText } from '../../parts/icon.js';
import { Code, Empty, Skeleton, Trouble } from '../../parts/states.js';
import { Ago } from '../../parts/text.js';
import { PageFrame } from '../../shell/page.js';

type Order = 'failures' | 'runs' | 'name';

const failedOf = (workflow: Workflow): number => workflow.series?.reduce((sum, p) => sum + p.failed, 0) ?? 0;
const runsOf = (workflow: Workflow): number =>
  workflow.series?.reduce((sum, p) => sum + p.completed + p.failed, 0) ?? (workflow.perMinute ?? 0) * 1440;
const living = ({ versions }: Workflow): number => versions?.reduce((sum, v) => sum + v.workers, 0) ?? 0;

/** Workflows, known by their shapes. */
export default function WorkflowsPage() {
  const { params, set } = useUrl();
  const find = params.get('find') ?? '';
  const order = (params.get('order') ?? 'failures') as Order;
  const { data, error, isPending, refetch } = useQuery({
    queryKey: ['workflows', ''],
    queryFn: async ({ signal }) => workflowsOf(await get<Page<Workflow>>('workflows', {}, signal)),
    refetchInterval: 15_000,
  });
  const all = data?.items ?? [];
  const shown = all
    .filter(({ name, description }) => `${name} ${description ?? ''}`.toLowerCase().includes(find.toLowerCase()))
    .sort(
      (a, b) =>
        (order === 'name' ? 0 : order === 'runs' ? runsOf(b) - runsOf(a) : failedOf(b) - failedOf(a)) ||
        a.name.localeCompare(b.name),
    );
  return (
    <PageFrame title="Workflows" crumbs={[{ text: 'Workflows' }]}>
      <div className="page flush">
        <div className="head">
          <h1>Workflows</h1>
          <span className="note base">
            {data === undefined
              ? ''
              : `${count(all.length)}, of which ${count(all.filter((w) => living(w) > 0).length)} have live workers`}
          </span>
          <span className="grow" />
          <span className="field find">
            <Icon name="search" />
            <input
              aria-label="Search workflows"
              placeholder="Search"
              value={find}
              onChange={(event) => set({ find: event.target.value || null }, true)}
            />
          </span>
          <Segments
            label="Order"
            value={order}
            options={[
              ['failures', 'By failures'],
              ['runs', 'By runs'],
              ['name', 'By name'],
            ]}
            onChange={(to) => set({ order: to === 'failures' ? null : to }, true)}
          />
        </div>
      </div>
      {isPending && <Skeleton rows={6} height={120} />}
      {error !== null && data === undefined && <Trouble error={error} again={() => void refetch()} />}
      {data !== undefined && (
        <div className="wfs hl" data-testid="workflows">
          {shown.map((workflow) => (
            <Cell key={workflow.name} workflow={workflow} />
          ))}
        </div>
      )}
      {data !== undefined && all.length === 0 && (
        <div className="page">
          <Empty title="No workflow is known yet">
            <p className="i2">Workflows come here as soon as a process that has their classes has booted.</p>
            <Code>
              <b>@Workflow</b>
              {`('process_order')\nexport class OrderWorkflow {\n  `}
              <b>@Step</b>
              {`()\n  async charge(data: Order) { … }\n}`}
            </Code>
          </Empty>
        </div>
      )}
    </PageFrame>
  );
}

function Cell({ workflow }: { workflow: Workflow }) {
  const { name, version, description, succeeded, p50, unfinished, lastRun, series = [], graph } = workflow;
  const failed = failedOf(workflow);
  return (
    <div className="wf link" data-testid={`workflow-${name}`}>
      <div className="row">
        <Link className="m b cut stretch wf-n" href={`/workflows/${part(name)}`}>
          {name}
        </Link>
        <span className="tag" title="version">
          {version}
        </span>
        <span className="grow" />
        {failed > 0 && <span className="s-fail b tab-n small">{count(failed)} failed</span>}
      </div>
      <p className="i2 txt">{description}</p>
      <div className="th">
        <Thumb definition={graph} />
      </div>
      <div className="sp">
        <RunsSpark series={series} />
      </div>
      <dl>
        <div>
          <dt>Succeeded</dt>
          <dd className={succeeded !== null && succeeded < 0.99 && failed > 0 ? 's-fail' : ''}>
            {succeeded === null ? '—' : percent(succeeded)}
          </dd>
        </div>
        <div>
          <dt>p50</dt>
          <dd>{p50 === null ? '—' : duration(p50)}</dd>
        </div>
        <div>
          <dt>Unfinished</dt>
          <dd>{count(unfinished)}</dd>
        </div>
        <div>
          <dt>Last run</dt>
          <dd className="row">
            {lastRun === null ? (
              'never'
            ) : (
              <>
                <StatusIcon status={statusOf(lastRun)} title={statusText(lastRun.status)} />
                <Ago at={lastRun.createdAt} />
              </>
            )}
          </dd>
        </div>
      </dl>
    </div>
  );
}

function RunsSpark({ series }: { series: NonNullable<Workflow['series']> }) {
  const W = 210;
  const H = 26;
  const most = Math.max(1, ...series.map((p) => p.completed + p.failed));
  const step = W / Math.max(1, series.length);
  return (
    <svg
      className="spark"
      width="100%"
      height={H}
      viewBox={`0 0 ${W} ${H}`}
      preserveAspectRatio="none"
      aria-hidden="true"
    >
      {series.map((p, i) => {
        const total = p.completed + p.failed;
        const h = total === 0 ? 1 : Math.max(2, (total / most) * (H - 2));
        const f = p.failed === 0 ? 0 : Math.max(2, (p.failed / most) * (H - 2));
        return (
          <g key={p.at}>
            <rect
              x={i * step}
              y={H - h}
              width={step * 0.78}
              height={h}
              rx=".75"
              fill={total === 0 ? 'var(--line-2)' : 'var(--mute-f)'}
              opacity={total === 0 ? 1 : 0.45}
            />
            {f > 0 && <rect x={i * step} y={H - f} width={step * 0.78} height={f} rx=".75" fill="var(--fail-f)" />}
          </g>
        );
      })}
    </svg>
  );
}
