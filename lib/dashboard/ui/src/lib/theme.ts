import { kept } from './store.js';

export type Theme = 'system' | 'light' | 'dark';

export const theme = kept<Theme>('theme', 'system');

export function applyTheme(): void {
  const chosen = theme.get();
  if (chosen === 'system') delete document.documentElement.dataset['theme'];
  else document.documentElement.dataset['theme'] = chosen;
}
theme.subscribe(applyTheme);
