import { join } from 'node:path';
import { defineConfig, type Plugin } from 'vite';

const here = import.meta.dirname;

/** The sans font is asked for with the page, not when the first style has been read. */
const preloadFont: Plugin = {
  name: 'preload-font',
  transformIndexHtml: {
    order: 'post',
    handler(html, { bundle }) {
      const font = Object.keys(bundle ?? {}).find((name) => /geist-latin.*\.woff2$/.test(name));
      if (font === undefined) return html;
      const attrs = { rel: 'preload', as: 'font', type: 'font/woff2', href: `./${font}`, crossorigin: true };
      return [{ tag: 'link', attrs, injectTo: 'head' as const }];
    },
  },
};

/** Everything is found relative to the page's `<base href>`, so that no path is known at build. */
export default defineConfig({
  root: here,
  base: './',
  publicDir: false,
  cacheDir: join(here, '../../../node_modules/.cache/vite'),
  plugins: [preloadFont],
  build: {
    outDir: join(here, '../../../dist/dashboard/ui'),
    emptyOutDir: true,
    target: ['chrome123', 'firefox120', 'safari17.5'],
    manifest: 'manifest.json',
    modulePreload: { polyfill: false },
    // Nothing may be a data: URL but images, and the page names files that the server knows.
    assetsInlineLimit: 0,
    reportCompressedSize: false,
    rolldownOptions: {
      onLog(level, log, handler) {
        // Packages that know servers mark what is for browsers; here all is.
        if (log.code !== 'MODULE_LEVEL_DIRECTIVE') handler(level, log);
      },
    },
  },
  oxc: { jsx: { runtime: 'automatic' } },
});
