import { Fragment, type ReactNode, useEffect } from 'react';
import { Link } from 'wouter';
import { MOD } from '../lib/keys.js';
import { useMe } from '../lib/me.js';
import { live } from '../lib/stream.js';
import { useNow } from '../lib/clock.js';
import { countdown } from '../lib/time.js';
import { useNarrow } from '../lib/url.js';
import { Button } from '../parts/button.js';
import { Icon, Logo } from '../parts/icon.js';
import { paletteOpen } from '../lib/palette-state.js';
import { retryStream } from './live.js';

export interface Crumb {
  readonly text: ReactNode;
  readonly href?: string;
}

/** A page with its bar; `title` names the tab of the browser, the last crumb is where it is. */
export function PageFrame({
  title,
  crumbs,
  children,
}: {
  title: string;
  crumbs: readonly Crumb[];
  children: ReactNode;
}) {
  const me = useMe();
  const narrow = useNarrow();
  useEffect(() => {
    document.title = `${title} · ${me.title ?? 'Durable'}`;
  }, [title, me.title]);
  return (
    <main className="main" id="main">
      <header className="top">
        {narrow && <Logo />}
        <div className="crumbs">
          {crumbs.map(({ text, href }, i) => {
            const last = i === crumbs.length - 1;
            return (
              <Fragment key={i}>
                {i > 0 && (
                  <span className="i3" aria-hidden="true">
                    /
                  </span>
                )}
                {last ? (
                  <b className="cut">{text}</b>
                ) : href === undefined ? (
                  <span>{text}</span>
                ) : (
                  <Link href={href}>{text}</Link>
                )}
              </Fragment>
            );
          })}
        </div>
        <button
          type="button"
          className="seek"
          data-testid="palette-open"
          aria-label="Search or act"
          onClick={() => paletteOpen.set(true)}
        >
          <Icon name="search" />
          <span>Search or act</span>
          <kbd aria-hidden="true">{MOD === '⌘' ? '⌘K' : 'Ctrl K'}</kbd>
        </button>
      </header>
      <Disconnected />
      {children}
    </main>
  );
}

function Disconnected() {
  const { state, retryAt } = live.use();
  const { pollInterval } = useMe();
  const off = state === 'polling';
  useNow(off ? 1000 : null);
  if (!off) return null;
  const left = retryAt === null ? 0 : Math.max(0, retryAt - Date.now());
  return (
    <div className="strip-warn" role="status" data-testid="disconnected">
      <Icon name="warn" className="s-wait" />
      <span className="grow">
        The live stream is gone. Asks every {countdown(pollInterval)}
        <span aria-hidden="true">
          {retryAt === null ? '' : `, tries the stream again in ${countdown(left + 999, 1)}`}
        </span>
        .
      </span>
      <Button look="sm" onClick={retryStream}>
        Try now
      </Button>
    </div>
  );
}
