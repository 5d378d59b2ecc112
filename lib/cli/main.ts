#!/usr/bin/env node
import { existsSync } from 'node:fs';
import nodeModule from 'node:module';

// Code that was compiled once is kept on disk: Node has this from 22.1, and its types for 20 do not know it.
(nodeModule as { enableCompileCache?: () => unknown }).enableCompileCache?.();

// Node has it from 21. Where there is none pg looks at `Response` in its place, for which Node 20 loads all of fetch(): 15 ms.
(globalThis as { navigator?: object }).navigator ??= { userAgent: `Node.js/${process.versions.node.split('.')[0]}` };

const interrupt = new AbortController();
process.on('SIGINT', () => {
  // The second time at once.
  if (interrupt.signal.aborted) process.exit(130);
  interrupt.abort();
});
process.on('SIGTERM', () => interrupt.abort());
// Whoever reads has enough: `nest-durable list | head`.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

/**
 * Of the two builds that of CommonJS, where there is one: Node loads two hundred of its files in less than half of the time that
 * it takes for as many ES modules. Read only now, so that the cache has it too.
 */
async function load(): Promise<typeof import('./cli.js')> {
  const cjs = new URL('../cjs/cli/cli.js', import.meta.url);
  return existsSync(cjs) ? ((await import(cjs.href)) as typeof import('./cli.js')) : import('./cli.js');
}

const { stdout, stderr, stdin, env } = process;
const io = { stdout, stderr, stdin, env, cwd: process.cwd(), signal: interrupt.signal };
void load()
  .then(({ runCli }) => runCli(process.argv.slice(2), io))
  // All that was written first; then nothing that is still open, such as a terminal that was asked, keeps the process.
  .then((code) => stdout.write('', () => stderr.write('', () => process.exit(code))));
