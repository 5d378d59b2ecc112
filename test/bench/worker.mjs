import { PgStore } from '../../dist/storage/engine/pg-store.js';
import { create } from './engines/ours.mjs';

/** A worker process of processes.mjs: says that it is up, and whenever it is asked how many claims it has sent. */
const { url, steps, concurrency } = JSON.parse(process.argv[2] ?? '{}');
const counts = { claims: 0, empty: 0 };
const { claim } = PgStore.prototype;
PgStore.prototype.claim = async function (...parameters) {
  const rows = await claim.apply(this, parameters);
  counts.claims += 1;
  if (rows.length === 0) counts.empty += 1;
  return rows;
};

const engine = await create({ url, steps, onStep: () => {}, concurrency });
await engine.start();
process.on('disconnect', () => process.exit(1));
process.on('message', () => process.send(counts));
process.send('up');
