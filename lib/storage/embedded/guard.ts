import { existsSync } from 'node:fs';
import { EmbeddedDirectory } from './directory.js';
import { type Guarded, leave } from './leave.js';

/**
 * A process that outlives another which uses an embedded server, by as long as it takes to let go of that: see
 * `startGuard()`. When the other one has ended, however it did, its end of the channel is closed.
 */
const { path, binaries, client } = JSON.parse(process.argv[2] ?? '') as Guarded;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});

process.once('disconnect', () => {
  const done = existsSync(client) ? leave(EmbeddedDirectory.at(path, binaries), client, () => {}) : Promise.resolve();
  // Nobody hears of a failure; the next process that uses the server finds it, and stops it in its turn.
  void done.then(
    () => process.exit(0),
    () => process.exit(1),
  );
});
if (!process.connected) process.emit('disconnect');
