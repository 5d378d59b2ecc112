import { build } from 'esbuild';

/** node bundle.mjs <outfile> <esm|cjs> [external …]: the compiled app in one file. `*`: all packages are external. */
const [outfile, format, ...external] = process.argv.slice(2);
await build({
  entryPoints: ['dist/main.js'],
  bundle: true,
  platform: 'node',
  logLevel: 'error',
  outfile,
  format,
  ...(external[0] === '*' ? { packages: 'external' } : { external }),
  // Bundled CommonJS asks for Node's modules with require.
  banner:
    format === 'esm'
      ? { js: "import { createRequire as r } from 'node:module'; const require = r(import.meta.url);" }
      : {},
});
