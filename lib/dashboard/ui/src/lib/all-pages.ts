import { useEffect } from 'react';

interface Paged {
  readonly data: { readonly pages: readonly unknown[] } | undefined;
  readonly hasNextPage: boolean;
  readonly isFetching: boolean;
  readonly isFetchNextPageError: boolean;
  fetchNextPage(): Promise<unknown>;
}

/** Pages that are read without being asked for. */
const MOST_PAGES = 20;

/** Reads one page after another, as far as that goes. One that has failed is asked for by a person, or with the next reading of all. */
export function useAllPages({ data, hasNextPage, isFetching, isFetchNextPageError, fetchNextPage }: Paged): void {
  const pages = data?.pages.length ?? 0;
  const goesOn = hasNextPage && !isFetching && !isFetchNextPageError && pages < MOST_PAGES;
  useEffect(() => {
    if (goesOn) void fetchNextPage();
  }, [goesOn, pages, fetchNextPage]);
}
