import { Link } from 'wouter';
import type { Queue, Worker } from '../../lib/types.js';
import { duration } from '../../lib/time.js';
import { count } from '../../lib/words.js';
import { Icon } from '../../parts/icon.js';
import { Ago } from '../../parts/text.js';
import { placesOf } from '../places.js';

/** ms behind which a queue lags */
export const LAGS = 60_000;

export function QueuesInShort({ queues }: { queues: readonly Queue[] }) {
  const most = Math.max(1, ...queues.map(({ ready }) => ready));
  const cols = { '--cols': 'minmax(64px,1fr) 48px 116px 58px', '--cols-n': 'minmax(0,1fr) 48px 60px 58px' };
  return (
    <section className="wide" data-testid="queues">
      <div className="sec-h">
        <h2>
          Queues <small>ready, oldest ready, held</small>
        </h2>
      </div>
      <div className="tbl" role="table" aria-label="Queues">
        {queues.map((queue) => {
          const { name, ready, lag, late, paused, running, globalConcurrency } = queue;
          const full = globalConcurrency !== null && running >= globalConcurrency && ready > 0;
          const slow = late > LAGS && !paused;
          return (
            <div key={name} role="row" className="tr link" style={cols}>
              <span role="cell" className="row">
                <Link className="m cut stretch" href="/queues">
                  {name}
                </Link>
                {full && <span className="tag s-wait">full</span>}
                {paused && <Icon name="paused" className="s-hold" title="paused" />}
              </span>
              <span role="cell" className="num">
                {count(ready)}
              </span>
              <span role="cell" className="row">
                <span className="bar grow wid">
                  <i className={slow ? 'f-wait' : ''} style={{ width: `${(ready / most) * 100}%` }} />
                </span>
                <span className={`num lag ${slow ? 's-wait b' : 'i2'}`}>{lag === 0 ? '0' : duration(lag, 1)}</span>
              </span>
              <span role="cell" className="num i2">
                {count(running)}
                {globalConcurrency !== null && <span className="i3"> / {count(globalConcurrency)}</span>}
              </span>
            </div>
          );
        })}
        {queues.length === 0 && <p className="note pad">No process has worked on a queue yet.</p>}
      </div>
    </section>
  );
}

export function WorkersInShort({ workers }: { workers: readonly Worker[] }) {
  const cols = { '--cols': 'minmax(0,1fr) 92px 52px 64px', '--cols-n': 'minmax(0,1fr) 60px 44px 54px' };
  const living = workers.filter(({ alive }) => alive).length;
  return (
    <section className="wide" data-testid="workers">
      <div className="sec-h">
        <h2>
          Workers <small>{living} live</small>
        </h2>
      </div>
      <div className="tbl" role="table" aria-label="Workers">
        {workers.slice(0, 8).map((worker) => {
          const places = placesOf(worker);
          return (
            <div key={worker.id} role="row" className="tr link" style={cols}>
              <span role="cell" className="row">
                <Link className="m b cut stretch" href="/queues">
                  {worker.host}
                </Link>
                {!worker.alive && <span className="tag s-fail">out of touch</span>}
                {worker.alive && worker.listening === false && <span className="tag s-wait">polling</span>}
                {(worker.behind ?? []).length > 0 && <span className="tag s-wait">older code</span>}
              </span>
              <span role="cell" className="bar">
                <i
                  className="f-run"
                  style={{
                    width: `${places === null ? 0 : Math.min(100, (worker.held / Math.max(1, places)) * 100)}%`,
                  }}
                />
              </span>
              <span role="cell" className="num i2">
                {count(worker.held)}
                {places !== null && <span className="i3">/{count(places)}</span>}
              </span>
              <span role="cell" className="num i3">
                <Ago at={worker.seenAt} />
              </span>
            </div>
          );
        })}
        {workers.length === 0 && <p className="note pad">No process executes runs.</p>}
      </div>
    </section>
  );
}
