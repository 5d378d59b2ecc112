import type { Worker } from '../lib/types.js';

/** How many runs a worker has places for, in all its queues; null: it has not said. */
export function placesOf({ capacity }: Worker): number | null {
  if (capacity === null || capacity === undefined) return null;
  if (typeof capacity === 'number') return capacity;
  const all = Object.values(capacity).filter((n) => typeof n === 'number');
  return all.length === 0 ? null : all.reduce((sum, n) => sum + n, 0);
}

/** Places, those that are taken filled. */
export function Cells({ taken, of }: { taken: number; of: number | null }) {
  const n = of ?? taken;
  if (n === 0) return null;
  if (n > 60) {
    return (
      <span className="bar cells-bar" aria-hidden="true">
        <i className="f-run" style={{ width: `${Math.min(100, (taken / n) * 100)}%` }} />
      </span>
    );
  }
  return (
    <span className={`cells ${n > 30 ? 'thin' : ''}`} aria-hidden="true">
      {Array.from({ length: n }, (_, i) => (
        <i key={i} className={i < taken ? 'on' : ''} />
      ))}
    </span>
  );
}
