import { useLocation, useSearch } from 'wouter';
import { useSyncExternalStore } from 'react';
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
  const [path, navigate] = useLocation();
  const params = new URLSearchParams(useSearch());
  return {
    path,
    params,
    set: (patch, replace = false) => navigate(hrefOf(path, params, patch), { replace }),
    go: (href, replace = false) => navigate(href, { replace }),
  };
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

/** A name out of a path; the router has undone a part of its encoding. */
export function nameFrom(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
