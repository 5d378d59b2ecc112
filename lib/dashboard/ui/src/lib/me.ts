import { useQuery } from '@tanstack/react-query';
import { createContext, useContext } from 'react';
import { get } from './api.js';
import { serverSaid } from './clock.js';
import type { Me } from './types.js';

/** Who looks, and what time it is there. */
export async function askWho(signal?: AbortSignal): Promise<Me> {
  const me = await get<Me>('me', {}, signal, true);
  serverSaid(me.now);
  return me;
}

export function useMeQuery() {
  return useQuery({
    queryKey: ['me'],
    queryFn: ({ signal }) => askWho(signal),
    refetchInterval: 60_000,
  });
}

/** The version of the server that gave this page. */
let own: string | null = null;

/** Whether the server is of another version by now: its files, and what it answers, may not be those that the page knows. */
export function isOld({ version }: Me): boolean {
  own ??= version;
  return version !== own;
}

export const MeContext = createContext<Me | null>(null);

export function useMe(): Me {
  const me = useContext(MeContext);
  if (me === null) throw new Error('useMe() stands outside of the shell');
  return me;
}

/** Whether the actor may do something; the server never relies on what is hidden here. */
export function useMay(): (action: string) => boolean {
  const { actions } = useMe();
  return (action) => actions.includes(action);
}

/** What the rights come to, in a word. */
export function roleOf({ actions, readOnly }: Me): string {
  if (readOnly) return 'read only';
  if (actions.includes('doctor.verify')) return 'admin';
  if (actions.includes('run.cancel')) return 'operator';
  if (actions.includes('overview.read')) return 'viewer';
  return actions.includes('input.answer') ? 'clerk' : 'guest';
}
