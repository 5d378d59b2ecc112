import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from '../server.mjs';

const require = createRequire(new URL('../peers/package.json', import.meta.url));

/** BullMQ on a Redis server of its own, which writes its log to the disk as `fsync` says. A job is one step. */
export async function create({ onStep, concurrency, fsync }) {
  const { Queue, Worker } = require('bullmq');
  const dir = mkdtempSync(join(tmpdir(), 'nest-durable-bench-redis-'));
  const port = await freePort();
  const options = { port, bind: '127.0.0.1', dir, save: '', appendonly: 'yes', appendfsync: fsync };
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const redis = spawn('redis-server', args, { stdio: 'ignore' });
  const exited = new Promise((resolve) => redis.once('exit', resolve));
  await new Promise((resolve, reject) => {
    redis.once('spawn', resolve);
    redis.once('error', (error) =>
      reject(new Error(`BullMQ needs redis-server (apt-get install redis-server): ${error.message}`)),
    );
  });
  const connection = { host: '127.0.0.1', port, maxRetriesPerRequest: null };
  const queue = new Queue('bench', { connection });
  for (;;) {
    if (
      await queue.waitUntilReady().then(
        () => true,
        () => false,
      )
    )
      break;
    await delay(20);
  }
  let worker;
  return {
    /** The server whose CPU time counts. */
    serverPid: redis.pid,
    enqueue: async (inputs) => {
      for (let at = 0; at < inputs.length; at += 500) {
        await queue.addBulk(inputs.slice(at, at + 500).map((data) => ({ name: 'bench', data })));
      }
    },
    start: async () => {
      worker = new Worker('bench', async () => onStep(), { connection, concurrency });
      worker.on('error', console.error);
      await worker.waitUntilReady();
    },
    completed: () => queue.getCompletedCount(),
    stop: () => worker.close(),
    runs: {},
    close: async () => {
      await queue.close();
      redis.kill();
      await exited;
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
