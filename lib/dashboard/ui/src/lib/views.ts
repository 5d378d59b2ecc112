import { kept } from './store.js';

export interface View {
  readonly id: string;
  readonly name: string;
  readonly q: string;
}

export const BUILT_IN: readonly View[] = [
  { id: 'all', name: 'All', q: 'since:24h' },
  { id: 'failing', name: 'Failing', q: 'status:failed,compensated,compensation_failed since:24h' },
  { id: 'retrying', name: 'Retrying', q: 'retrying:yes' },
  { id: 'people', name: 'Waits for people', q: 'status:waiting' },
  { id: 'long', name: 'Longer than 1 h', q: 'took:>1h' },
];

/** Views of this browser; a link to one is its `q`. */
export const ownViews = kept<readonly View[]>('views', []);
