import { Link } from 'wouter';
import { now } from '../../lib/clock.js';
import type { Overview } from '../../lib/types.js';
import { runHref } from '../../lib/url.js';
import { shortId } from '../../lib/words.js';
import { glyphs, type Glyph } from '../../parts/glyphs.js';
import { Icon } from '../../parts/icon.js';
import { Took, Until } from '../../parts/text.js';

const WAIT_ICONS: Record<string, Glyph> = {
  input: 'approval',
  child: 'child',
  sleep: 'schedules',
  any: 'event',
  all: 'event',
};
const WAIT_WORDS: Record<string, string> = { input: 'answer', any: 'events', all: 'events' };

export function Waits({ waits }: { waits: Overview['oldestWaits'] }) {
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
