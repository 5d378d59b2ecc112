import { store } from './store.js';

export const paletteOpen = store(false);
