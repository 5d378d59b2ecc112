import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { root } from './install.mjs';

/**
 * Builds the pages of the dashboard to dist/dashboard/ui, with `.br` and `.gz` beside each asset. What was built of the
 * same sources is taken from node_modules/.cache, in some milliseconds.
 */
const ui = join(root, 'lib/dashboard/ui');
const out = join(root, 'dist/dashboard/ui');

function filesOf(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

const sources = [
  ...filesOf(ui),
  ...filesOf(join(root, 'lib/core')),
  join(root, 'package-lock.json'),
  import.meta.filename,
];
const hash = createHash('sha256');
for (const file of sources) hash.update(`${file.slice(root.length)}\0`).update(readFileSync(file));
const cache = join(root, 'node_modules/.cache/dashboard-ui', hash.digest('hex').slice(0, 24));

if (!existsSync(cache)) {
  const { build } = await import('vite');
  await build({ configFile: join(ui, 'vite.config.ts'), logLevel: 'warn' });
  const assets = join(out, 'assets');
  for (const file of filesOf(assets)) {
    // Fonts are compressed by themselves.
    if (file.endsWith('.woff2')) continue;
    const bytes = readFileSync(file);
    const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length };
    writeFileSync(`${file}.br`, brotliCompressSync(bytes, { params }));
    writeFileSync(`${file}.gz`, gzipSync(bytes, { level: 9 }));
  }
  writeFileSync(join(assets, 'LICENSES.txt'), licenses());
  mkdirSync(join(cache, '..'), { recursive: true });
  cpSync(out, `${cache}.new`, { recursive: true });
  rmSync(cache, { recursive: true, force: true });
  cpSync(`${cache}.new`, cache, { recursive: true });
  rmSync(`${cache}.new`, { recursive: true, force: true });
} else {
  rmSync(out, { recursive: true, force: true });
  cpSync(cache, out, { recursive: true });
}

/** Of all that is in the bundle. */
function licenses() {
  const packages = [
    'react',
    'react-dom',
    'scheduler',
    '@tanstack/react-query',
    '@tanstack/query-core',
    '@tanstack/react-virtual',
    '@tanstack/virtual-core',
    'wouter',
    'regexparam',
    'mitt',
    'use-sync-external-store',
    '@floating-ui/dom',
    '@floating-ui/core',
    '@floating-ui/utils',
    '@fontsource-variable/geist',
    '@fontsource-variable/geist-mono',
  ];
  return packages
    .filter((name) => existsSync(join(root, 'node_modules', name, 'package.json')))
    .map((name) => {
      const folder = join(root, 'node_modules', name);
      const { version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
      const file = readdirSync(folder).find((one) => /^licen[cs]e/i.test(one));
      const text = file === undefined ? '' : readFileSync(join(folder, file), 'utf8').trim();
      return `${name} ${version} (${license})\n\n${text}\n`;
    })
    .join(`\n${'-'.repeat(80)}\n\n`);
}
