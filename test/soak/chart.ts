import { FIGURES } from './report.js';
import type { Sample } from './sampler.js';

const WIDTH = 760;
const LEFT = 190;
const RIGHT = 20;
const ROW = 84;
const TOP = 12;
const BOTTOM = 34;

/** A row for each figure, from 0 to its largest value, with the time below all. @param filling samples that do not count */
export function chart(samples: readonly Sample[], filling: number): string {
  const height = TOP + FIGURES.length * ROW + BOTTOM;
  const last = samples.at(-1)?.at ?? 1;
  const x = (at: number): number => LEFT + (at / last) * (WIDTH - LEFT - RIGHT);
  const counted = x(samples[Math.ceil(filling)]?.at ?? 0);
  const rows = FIGURES.map(({ key, name, unit }, n) => {
    const floor = TOP + (n + 1) * ROW - 14;
    const points = samples.flatMap((one) => (one[key] === null ? [] : [{ at: one.at, value: one[key] }]));
    const most = Math.max(...points.map(({ value }) => value), 1e-9);
    const line = points.map(
      ({ at, value }) => `${x(at).toFixed(1)},${(floor - (value / most) * (ROW - 26)).toFixed(1)}`,
    );
    return [
      `<text x="8" y="${floor - 24}">${name}</text>`,
      `<text x="8" y="${floor - 8}" class="small">0 to ${most >= 10 ? Math.round(most) : most.toFixed(1)} ${unit}</text>`,
      `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${floor}" y2="${floor}" class="axis"/>`,
      `<polyline points="${line.join(' ')}"/>`,
    ].join('');
  });
  const bottom = TOP + FIGURES.length * ROW;
  const minutes = Array.from({ length: Math.floor(last / 60 / 5) + 1 }, (_, n) => n * 5);
  const ticks = minutes.map(
    (m) => `<text x="${x(m * 60).toFixed(1)}" y="${bottom + 12}" class="small tick">${m}</text>`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img">
<style>
svg { background: #fff; }
text { font: 13px system-ui, sans-serif; fill: #222; }
.small { font-size: 11px; fill: #666; }
.tick { text-anchor: middle; }
.axis { stroke: #ccc; }
polyline { fill: none; stroke: #1f6feb; stroke-width: 1.5; }
rect { fill: #f2f2f2; }
</style>
<rect x="${LEFT}" y="${TOP}" width="${(counted - LEFT).toFixed(1)}" height="${bottom - TOP - 14}"/>
${rows.join('\n')}
${ticks.join('')}
<text x="${WIDTH - RIGHT}" y="${bottom + 28}" class="small" text-anchor="end">minutes; grey: what is kept fills up, and does not count</text>
</svg>
`;
}
