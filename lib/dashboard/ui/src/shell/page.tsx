import { Fragment, type ReactNode, useEffect } from 'react';
import { Link } from 'wouter';
import { MOD } from '../lib/keys.js';
import { useMe } from '../lib/me.js';
import { useNarrow } from '../lib/url.js';
import { Icon, Logo } from '../parts/icon.js';
import { paletteOpen } from '../lib/palette-state.js';
import { Notices } from './notices.js';

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
      <Notices />
      {children}
    </main>
  );
}
