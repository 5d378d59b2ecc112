import type { Worker } from '../lib/types.js';

/** How many runs a worker has places for, in all its queues; null: it has not said. */
export function placesOf({ capacity }: Worker): number | null {
  if (capacity === null || capacity === undefined) return null;
  if (typeof capacity === 'number') return capacity;
  const all = Object.values(capacity).filter((n) => typeof n === 'number');
  return all.length === 0 ? null : all.reduce((sum, n) => sum + n, 0);
}

/** Places, those that are held filled. */
export function Cells({ held, of }: { held: number; of: number | null }) {
  const n = of ?? held;
  if (n === 0) return null;
  if (n > 60) {
    return (
      <span className="bar cells-bar" aria-hidden="true">
        <i className="f-run" style={{ width: `${Math.min(100, (held / n) * 100)}%` }} />
      </span>
    );
  }
  return (
    <span className={`cells ${n > 30 ? 'thin' : ''}`} aria-hidden="true">
      {Array.from({ length: n }, (_, i) => (
        <i key={i} className={i < held ? 'on' : ''} />
      ))}
    </span>
  );
}
