import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { useAllPages } from '../../lib/all-pages.js';
import { get } from '../../lib/api.js';
import { useMay } from '../../lib/me.js';
import { familyOf, runOf } from '../../lib/rows.js';
import { settledPage } from '../../lib/step-pages.js';
import { buildTree } from '../../lib/tree.js';
import { isEnded, type TreeNode } from '../../lib/tree-node.js';
import type {
  HistoryItem,
  Input,
  LoopRow,
  Page,
  Run,
  RunRow,
  StepPayloads,
  StepRow,
  WaitedEvent,
} from '../../lib/types.js';

export function useRun(id: string) {
  return useQuery({
    queryKey: ['run', id],
    queryFn: async ({ signal }) => runOf(await get<Run>(`runs/${id}`, {}, signal)),
    refetchInterval: ({ state }) => (state.data !== undefined && isEnded(state.data.status) ? false : 15_000),
  });
}

/** All steps of a run, page by page: the first one is enough to begin with. */
export function useSteps(
  id: string,
  enabled = true,
): { rows: (StepRow | LoopRow)[]; loading: boolean; error: unknown; again: () => void } {
  const query = useInfiniteQuery({
    queryKey: ['run', id, 'steps'],
    queryFn: ({ pageParam, signal, client, queryKey }) =>
      settledPage(client.getQueryData(queryKey), pageParam) ??
      get<Page<StepRow | LoopRow>>(`runs/${id}/steps`, { limit: 500, cursor: pageParam }, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next,
    enabled,
  });
  useAllPages(query);
  const { data, isFetchNextPageError: isCutShort, fetchNextPage, refetch } = query;
  const rows = useMemo(() => data?.pages.flatMap(({ items }) => items) ?? [], [data]);
  // Where all is there, a reading that failed is made again by itself.
  const error = rows.length === 0 || isCutShort ? query.error : null;
  return { rows, loading: query.isPending, error, again: () => void (isCutShort ? fetchNextPage() : refetch()) };
}

export function useHistory(id: string, enabled = true) {
  return useInfiniteQuery({
    queryKey: ['run', id, 'history'],
    queryFn: ({ pageParam, signal }) => get<Page<HistoryItem>>(`runs/${id}/history`, { cursor: pageParam }, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next,
    enabled,
  });
}

export function useFamily(id: string, enabled = true) {
  return useQuery({
    queryKey: ['run', id, 'family'],
    queryFn: async ({ signal }) => familyOf(await get(`runs/${id}/family`, {}, signal)),
    enabled,
  });
}

export function usePayloads(id: string, seq: number | null, full = false) {
  const may = useMay();
  return useQuery({
    queryKey: ['run', id, 'payload', seq, full],
    queryFn: ({ signal }) => get<StepPayloads>(`runs/${id}/steps/${seq}`, { full: full ? 1 : null }, signal),
    enabled: seq !== null && may('payload.read'),
    placeholderData: (before) => before,
    staleTime: 60_000,
  });
}

/** What a run waits for that people can give it. */
export function useWaits(run: RunRow | undefined): { inputs: Input[]; events: WaitedEvent[] } {
  const may = useMay();
  const waits = run !== undefined && !isEnded(run.status);
  const inputs = useQuery({
    queryKey: ['inputs', 'of', run?.id],
    queryFn: ({ signal }) => get<Page<Input>>('inputs', { executionId: run?.id, limit: 50 }, signal),
    enabled: waits && may('input.read'),
  });
  const events = useQuery({
    queryKey: ['events', 'of', run?.id],
    queryFn: ({ signal }) => get<Page<WaitedEvent>>('events', { executionId: run?.id, limit: 50 }, signal),
    enabled: waits && may('event.read'),
  });
  const open = <T extends { status: string }>(items: T[] | undefined): T[] =>
    items?.filter(({ status }) => status === 'pending') ?? [];
  return { inputs: waits ? open(inputs.data?.items) : [], events: waits ? open(events.data?.items) : [] };
}

/** What the timeline and the graph show. */
export function useTree(run: Run): {
  tree: TreeNode[];
  rows: (StepRow | LoopRow)[];
  loading: boolean;
  error: unknown;
  again: () => void;
} {
  const steps = useSteps(run.id);
  const history = useHistory(run.id);
  const items = useMemo(() => history.data?.pages.flatMap((page) => page.items) ?? [], [history.data]);
  const tree = useMemo(() => buildTree(run, steps.rows, items), [run, steps.rows, items]);
  return { tree, ...steps };
}
