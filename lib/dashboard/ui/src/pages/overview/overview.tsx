import { useQuery } from '@tanstack/react-query';
import { get } from '../../lib/api.js';
import { now } from '../../lib/clock.js';
import { ago } from '../../lib/time.js';
import type { Overview } from '../../lib/types.js';
import { useUrl } from '../../lib/url.js';
import { capital, plural, spelt } from '../../lib/words.js';
import { Segments } from '../../parts/button.js';
import { Skeleton, Trouble } from '../../parts/states.js';
import { PageFrame } from '../../shell/page.js';
import { QueuesInShort, WorkersInShort } from './in-short.js';
import { Problems } from './problems.js';
import { Figures, MS } from './figures.js';
import { EndedPart, DurationPart } from './charts.js';
import { Failures } from './failures.js';
import { Waits } from './waits.js';

const WINDOWS = [
  ['1h', '1 h'],
  ['6h', '6 h'],
  ['24h', '24 h'],
  ['7d', '7 d'],
  ['30d', '30 d'],
] as const;
/** A sentence, what is wrong, and how it goes. */
export default function OverviewPage() {
  const { params, set } = useUrl();
  const asked = params.get('window') ?? '24h';
  const span = MS[asked] === undefined ? '24h' : asked;
  const workflow = params.get('workflow');
  const { data, error, isPending, refetch } = useQuery({
    queryKey: ['overview', span, workflow],
    queryFn: ({ signal }) => get<Overview>('overview', { window: span, workflow }, signal),
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
      <Problems data={data} span={span} />
      <Figures figures={data.figures} span={span} />
      <div className="two under">
        <EndedPart data={data} />
        <DurationPart data={data} />
      </div>
      <div className="two under">
        <Failures failures={data.failures} cut={data.failuresCut === true} span={span} />
        <QueuesInShort queues={data.queues} />
      </div>
      <div className="two">
        <Waits waits={data.oldestWaits} />
        <WorkersInShort workers={data.workers} />
      </div>
    </>
  );
}
