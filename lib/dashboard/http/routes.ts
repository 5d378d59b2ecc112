import { me } from '../api/me.js';
import type { Route } from './call.js';

/** Everything that is served below `api/`. The first that fits a path is taken: words go before names. */
export const ROUTES: readonly Route[] = [me];
