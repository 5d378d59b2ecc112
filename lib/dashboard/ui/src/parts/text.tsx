import { Fragment, type ReactNode } from 'react';
import { now, useNow } from '../lib/clock.js';
import { ago, ahead, changesIn, countdown, duration, exact, moment, type Grain } from '../lib/time.js';
import { namesIn } from '../lib/words.js';

/** A sentence in which names stand between backquotes, and times in UTC. */
export function Words({ text }: { text: string }) {
  return namesIn(text).map((piece, i) => (i % 2 === 1 ? <code key={i}>{piece}</code> : <Times key={i} text={piece} />));
}

/** Times of the server's sentences, on the clock of whoever reads them. */
function Times({ text }: { text: string }): ReactNode {
  return text
    .split(/(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) UTC/)
    .map((piece, i) =>
      i % 2 === 1 ? <At key={i} at={`${piece.replace(' ', 'T')}Z`} /> : <Fragment key={i}>{piece}</Fragment>,
    );
}

/** A time relative to now, that goes on; the exact one is its title. */
export function Ago({ at, className }: { at: string | null; className?: string }) {
  const then = at === null ? NaN : Date.parse(at);
  useNow(Number.isFinite(then) ? changesIn(now() - then) : null);
  if (at === null) return null;
  const age = now() - then;
  return (
    <time className={className} dateTime={at} title={exact(new Date(then))}>
      {age < 0 ? ahead(-age) : ago(age)}
    </time>
  );
}

/** How long until a time: `3 d 10 h 55 min`. */
export function Until({ at, most = 3 }: { at: string; most?: number }) {
  const then = Date.parse(at);
  useNow(changesIn(then - now()));
  return (
    <time dateTime={at} title={exact(new Date(then))}>
      {countdown(then - now(), most)}
    </time>
  );
}

/** For how long something goes on; `to` null: until now. */
export function Took({ from, to, most = 2 }: { from: string | null; to: string | null; most?: number }) {
  const then = from === null ? NaN : Date.parse(from);
  useNow(to === null && Number.isFinite(then) ? changesIn(now() - then) : null);
  if (!Number.isFinite(then)) return null;
  return <>{duration((to === null ? now() : Date.parse(to)) - then, most)}</>;
}

/** A time of the clock, with its day where it is another one. */
export function At({ at, grain = 'second', zone }: { at: string; grain?: Grain; zone?: string }) {
  const date = new Date(at);
  return (
    <time dateTime={at} title={exact(date)}>
      {moment(date, new Date(now()), grain, zone)}
    </time>
  );
}

/** Text whose web addresses are links; no other scheme ever is. */
export function Linked({ text }: { text: string }): ReactNode {
  return text.split(/(https?:\/\/[^\s"'<>)\]]+)/).map((piece, i) =>
    i % 2 === 1 ? (
      <a key={i} className="u" href={piece} target="_blank" rel="noreferrer">
        {piece}
      </a>
    ) : (
      <Fragment key={i}>{piece}</Fragment>
    ),
  );
}
