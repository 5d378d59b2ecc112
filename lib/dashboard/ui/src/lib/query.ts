import { QueryCache, QueryClient } from '@tanstack/react-query';
import { ApiError, isSignedOut } from './api.js';

export const queryClient = new QueryClient({
  queryCache: new QueryCache({
    // Who one is says it at the top of the page.
    onError: (error, { queryKey }) => {
      if (isSignedOut(error) && queryKey[0] !== 'me') refresh('me');
    },
  }),
  defaultOptions: {
    queries: {
      staleTime: 2000,
      gcTime: 5 * 60_000,
      refetchOnWindowFocus: true,
      networkMode: 'always',
      retry: (count, error) =>
        count < 2 && error instanceof ApiError && (error.code === 'UNREACHABLE' || error.status === 503),
      retryDelay: (count) => 500 * 2 ** count,
    },
    mutations: { networkMode: 'always' },
  },
});

/** Reads anew whatever begins with one of these keys, if a page shows it. */
export function refresh(...keys: string[]): void {
  for (const key of keys) readAnew({ queryKey: [key] });
}

export function refreshAll(): void {
  readAnew(undefined);
}

/** Answers that were under way when they should have been read anew: they may not have what has happened since. */
const outdated = new Set<string>();

/**
 * A reading that is under way is let through, and made once more after it: where something happens all the time, one that
 * is broken off whenever it does never comes to its end.
 */
function readAnew(filter: { readonly queryKey: readonly string[] } | undefined): void {
  for (const { state, queryHash } of queryClient.getQueryCache().findAll(filter)) {
    if (state.fetchStatus === 'fetching') outdated.add(queryHash);
  }
  void queryClient.invalidateQueries(filter, { cancelRefetch: false });
}

queryClient.getQueryCache().subscribe(({ type, query }) => {
  if (type === 'removed') outdated.delete(query.queryHash);
  if (type !== 'updated' || query.state.fetchStatus !== 'idle' || !outdated.delete(query.queryHash)) return;
  // Not within the update that tells of it.
  queueMicrotask(() => void queryClient.invalidateQueries({ queryKey: query.queryKey, exact: true }));
});
