import { Link } from 'wouter';
import { filterOf } from '../../lib/filter.js';
import type { Overview } from '../../lib/types.js';
import { runsHref } from '../../lib/url.js';
import { count } from '../../lib/words.js';
import { Spark } from '../../parts/charts.js';
import { Ago } from '../../parts/text.js';

export function Failures({ failures, cut, span }: { failures: Overview['failures']; cut: boolean; span: string }) {
  const total = failures.reduce((sum, f) => sum + f.n, 0);
  const cols = { '--cols': 'minmax(0,1fr) 92px 56px 92px', '--cols-n': 'minmax(0,1fr) 40px 76px' };
  return (
    <section className="wide" data-testid="failures">
      <div className="sec-h">
        <h2>
          Failures by error{' '}
          <small>
            {cut && 'the newest '}
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
                  `status:failed,compensated,compensation_failed ${filterOf({ workflow, error, since: span })}`,
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
