import { useMemo } from 'react';
import { layoutOf } from '../lib/layout.js';
import type { Definition } from '../lib/types.js';

const LEAST_THUMB = 300;

/** A workflow in small: it is known by its shape. */
export function Thumb({ definition }: { definition: Definition }) {
  const layout = useMemo(() => layoutOf(definition), [definition]);
  return (
    <svg
      className="g thumb"
      // Of all the members are about as large, and nothing is cut off at the ends.
      viewBox={`-4 -6 ${layout.width + 8} ${Math.max(LEAST_THUMB, layout.height + 12)}`}
      preserveAspectRatio="xMidYMin"
      aria-hidden="true"
    >
      <circle cx={layout.start.x} cy={layout.start.y} r="9" fill="var(--ink-3)" />
      <circle className="end" cx={layout.end.x} cy={layout.end.y} r="7" />
      {layout.boxes.map((box) => (
        <rect key={`${box.kind}${box.id}`} className="box" x={box.x} y={box.y} width={box.w} height={box.h} rx="14" />
      ))}
      {layout.edges.map((edge, i) => (
        <path key={i} className="ed" d={edge.d} />
      ))}
      {layout.nodes.map((node) => (
        <rect key={node.id + node.x} className="nd" x={node.x} y={node.y} width={node.w} height={node.h} rx="14" />
      ))}
    </svg>
  );
}
