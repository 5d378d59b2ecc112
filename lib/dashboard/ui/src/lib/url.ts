import { useLocation, useSearch } from 'wouter';
import { useSyncExternalStore } from 'react';
import { nameOfPart } from '../../../../core/path-part.js';
import { readable } from './url-text.js';

export { runHref, runsHref } from './url-text.js';

export interface Url {
  readonly path: string;
  readonly params: URLSearchParams;
  /** Changes some of the parameters; null takes one out. A new entry of the history unless `replace`. */
  set(patch: Readonly<Record<string, string | null>>, replace?: boolean): void;
  go(href: string, replace?: boolean): void;
}

/** Every view is in the URL, so that back works and links can be sent. */
export function useUrl(): Url {
  const [, navigate] = useLocation();
  const path = pathHere();
  const params = new URLSearchParams(useSearch());
  return {
    path,
    params,
    set: (patch, replace = false) => navigate(hrefOf(path, params, patch), { replace }),
    go: (href, replace = false) => navigate(href, { replace }),
  };
}

const base = (): string => new URL(document.baseURI).pathname.replace(/\/$/, '');

/** As it stands in the address: of a name with a `%` the router undoes more than was encoded. */
function pathHere(): string {
  return location.pathname.slice(base().length) || '/';
}

export function hrefOf(path: string, params: URLSearchParams, patch: Readonly<Record<string, string | null>>): string {
  const next = new URLSearchParams(params);
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) next.delete(key);
    else next.set(key, value);
  }
  const search = readable(next);
  return search === '' ? path : `${path}?${search}`;
}

function useMedia(query: string): boolean {
  return useSyncExternalStore(
    (listener) => {
      const media = matchMedia(query);
      media.addEventListener('change', listener);
      return () => media.removeEventListener('change', listener);
    },
    () => matchMedia(query).matches,
  );
}

/** Where the rail gives way to a bar of tabs. */
export const useNarrow = (): boolean => useMedia('(max-width: 900px)');

/** The name at the end of the path. */
export function nameIn(path: string): string {
  const text = path.replace(/\/$/, '').split('/').at(-1) ?? '';
  return nameOfPart(text) ?? text;
}
