#!/usr/bin/env node
import { runCli } from './cli.js';

const interrupt = new AbortController();
process.on('SIGINT', () => {
  // The second time at once.
  if (interrupt.signal.aborted) process.exit(130);
  interrupt.abort();
});
process.on('SIGTERM', () => interrupt.abort());
// Whoever reads has enough: `nest-durable list | head`.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

const { stdout, stderr, stdin, env } = process;
void runCli(process.argv.slice(2), { stdout, stderr, stdin, env, cwd: process.cwd(), signal: interrupt.signal }).then(
  // All that was written first; then nothing that is still open, such as a terminal that was asked, keeps the process.
  (code) => stdout.write('', () => stderr.write('', () => process.exit(code))),
);
