import { register } from 'node:module';

/**
 * Lets a plain node process run this repository's TypeScript, decorators included:
 *
 *     node --import ./test/support/register-ts.mjs test/support/worker.ts
 *
 * For tests that need a process to kill. Faster than a build (0.3 s), and always the code as it is.
 */
register('./ts-loader.mjs', import.meta.url);
