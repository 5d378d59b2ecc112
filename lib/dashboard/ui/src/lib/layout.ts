import { armPrefix, encodeName, nodePath } from '../../../../core/definition/definition-path.js';
import type { Definition } from './types.js';

/*
 * The picture of a definition. It is a tree of sequences, so it is laid out exactly, by recursion, in one pass down for
 * the sizes and one for the places: the same definition always looks the same. Gotos and compensations are drawn over it.
 */

export type PlacedKind = 'step' | 'decision' | 'branch' | 'parallel' | 'forEach' | 'compensation';

export interface PlacedNode {
  /** As `workflowGraph()` names it. */
  readonly id: string;
  readonly name: string;
  readonly kind: PlacedKind;
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
  /** Of a compensation: the step that it undoes. */
  readonly undoes?: string;
}

export interface PlacedBox {
  readonly id: string;
  readonly kind: 'parallel' | 'forEach';
  readonly name: string;
  readonly head: string;
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
}

export interface PlacedEdge {
  readonly d: string;
  /** Ids of nodes; `[start]` and `[end]` are the ends. */
  readonly from: string;
  readonly to: string;
  readonly kind: 'next' | 'arm' | 'join' | 'bar' | 'item' | 'goto' | 'compensate';
  /** Where its arrow points, if it has one. */
  readonly tip: { readonly x: number; readonly y: number; readonly to: 'down' | 'left' | 'right' } | null;
  readonly label: { readonly x: number; readonly y: number; readonly text: string } | null;
}

export interface Layout {
  readonly nodes: readonly PlacedNode[];
  readonly boxes: readonly PlacedBox[];
  readonly edges: readonly PlacedEdge[];
  readonly width: number;
  readonly height: number;
  readonly start: { readonly x: number; readonly y: number };
  readonly end: { readonly x: number; readonly y: number };
}

const H = 44;
const GY = 30;
const TOP = 30;

interface Sizes {
  readonly w: number;
  readonly gap: number;
  readonly pad: number;
}

const WIDE: Sizes = { w: 188, gap: 28, pad: 18 };
const SLIM: Sizes = { w: 152, gap: 10, pad: 8 };

interface Block {
  readonly w: number;
  readonly h: number;
  /** Room at the right for compensations. */
  readonly side: number;
  /** The node that comes first, and the one that others go on from. */
  readonly entry: string;
  readonly exit: string;
  draw(cx: number, y: number): void;
}

/** `slim`: for narrow screens. */
export function layoutOf(definition: Definition, slim = false): Layout {
  return new Drawing(slim ? SLIM : WIDE).layout(definition);
}

class Drawing {
  private readonly nodes: PlacedNode[] = [];
  private readonly boxes: PlacedBox[] = [];
  private readonly edges: PlacedEdge[] = [];
  private readonly gotos: { from: string; to: string }[] = [];
  private readonly byName = new Map<string, PlacedNode>();

  constructor(private readonly sizes: Sizes) {}

  layout({ nodes }: Definition): Layout {
    const main = this.sequence(nodes, '');
    const cx = main.w / 2 + 17 - main.side / 2;
    main.draw(main.w / 2 + 17, TOP);
    const top = { x: cx, y: 6 };
    const bottom = { x: cx, y: TOP + main.h + 40 };
    this.down(
      cx,
      11,
      cx,
      nodes.length === 0 ? bottom.y - 6 : TOP,
      '[start]',
      nodes.length === 0 ? '[end]' : main.entry,
    );
    if (nodes.length > 0) this.down(cx, TOP + main.h, cx, bottom.y - 6, main.exit, '[end]');
    const lanes = this.drawGotos(main.w + 17);
    return {
      nodes: this.nodes,
      boxes: this.boxes,
      edges: this.edges,
      width: main.w + 34 + lanes * 18 + (lanes > 0 ? 22 : 0),
      height: bottom.y + 6,
      start: top,
      end: bottom,
    };
  }

  private sequence(nodes: Definition['nodes'], prefix: string): Block {
    const blocks = nodes.map((node) => this.block(node, prefix));
    const side = Math.max(0, ...blocks.map((b) => b.side));
    const w = Math.max(this.sizes.w / 2, ...blocks.map((b) => b.w)) + side;
    const h = blocks.reduce((sum, b) => sum + b.h, 0) + GY * Math.max(0, blocks.length - 1);
    const draw = (centre: number, top: number): void => {
      const cx = centre - side / 2;
      let y = top;
      blocks.forEach((b, i) => {
        const before = blocks[i - 1];
        if (before !== undefined) this.down(cx, y - GY, cx, y, before.exit, b.entry);
        b.draw(cx, y);
        y += b.h + GY;
      });
    };
    return { w, h, side, entry: blocks[0]?.entry ?? '', exit: blocks.at(-1)?.exit ?? '', draw };
  }

  private block(node: Definition['nodes'][number], prefix: string): Block {
    const id = nodePath(prefix, node.name);
    if ('goto' in node) this.gotos.push(...node.goto.map((to) => ({ from: id, to })));
    switch (node.kind) {
      case 'step':
      case 'decision':
        return this.single(node, id);
      case 'branch':
        return this.branch(node, id);
      case 'parallel':
        return this.parallel(node, id);
      case 'forEach':
        return this.loop(node, id);
    }
  }

  private single(node: Definition['nodes'][number], id: string): Block {
    const { w } = this.sizes;
    const undo = node.settings.compensate;
    const draw = (cx: number, y: number): void => {
      this.add({ id, name: node.name, kind: node.kind, x: cx - w / 2, y, w, h: H });
      if (undo === null) return;
      const to = `~${encodeName(undo)}`;
      const x = cx + w / 2;
      this.add({ id: to, name: undo, kind: 'compensation', x: x + 27, y, w: 132, h: H, undoes: node.name });
      this.edges.push({
        d: `M${x} ${y + H / 2}h22`,
        from: id,
        to,
        kind: 'compensate',
        tip: { x: x + 27, y: y + H / 2, to: 'right' },
        label: null,
      });
    };
    return { w, h: H, side: undo === null ? 0 : 160, entry: id, exit: id, draw };
  }

  private branch(node: Extract<Definition['nodes'][number], { kind: 'branch' }>, id: string): Block {
    const { w: own, gap } = this.sizes;
    const arms = Object.entries(node.arms).map(([key, nodes]) => ({
      key,
      b: this.sequence(nodes, armPrefix(id, key)),
    }));
    const inner = arms.reduce((sum, arm) => sum + arm.b.w, 0) + gap * Math.max(0, arms.length - 1);
    const w = Math.max(own, inner);
    const tallest = Math.max(0, ...arms.map((arm) => arm.b.h));
    const h = H + 50 + tallest + 24;
    const draw = (cx: number, y: number): void => {
      this.add({ id, name: node.name, kind: 'branch', x: cx - own / 2, y, w: own, h: H });
      let x = cx - inner / 2;
      for (const { key, b } of arms) {
        const centre = x + b.w / 2;
        const ax = centre - b.side / 2;
        const from = y + H + 50;
        this.down(cx, y + H, ax, from, id, b.entry || id, 'arm', key);
        b.draw(centre, from);
        this.join(ax, from + b.h, cx, y + h, b.exit || id, id);
        x += b.w + gap;
      }
    };
    return { w, h, side: 0, entry: id, exit: id, draw };
  }

  private parallel(node: Extract<Definition['nodes'][number], { kind: 'parallel' }>, id: string): Block {
    const { w: own, gap, pad } = this.sizes;
    const arms = Object.entries(node.arms).map(([key, nodes]) => ({
      key,
      b: this.sequence(nodes, armPrefix(id, key)),
    }));
    const inner = Math.max(own, arms.reduce((sum, arm) => sum + arm.b.w, 0) + gap * Math.max(0, arms.length - 1));
    const tallest = Math.max(0, ...arms.map((arm) => arm.b.h));
    const w = inner + pad * 2;
    const boxH = 34 + 40 + tallest + 26;
    const fork = `${id}[fork]`;
    const bar = (cx: number, y: number, from: string, to: string): void => {
      this.edges.push({
        d: `M${cx - inner / 2 + 20} ${y}H${cx + inner / 2 - 20}`,
        from,
        to,
        kind: 'bar',
        tip: null,
        label: null,
      });
    };
    const draw = (cx: number, y: number): void => {
      const n = arms.length;
      this.boxes.push({ id, kind: 'parallel', name: node.name, head: `${n} arms`, x: cx - w / 2, y, w, h: boxH });
      bar(cx, y + 36, fork, fork);
      let x = cx - inner / 2;
      for (const { key, b } of arms) {
        const centre = x + b.w / 2;
        const ax = centre - b.side / 2;
        this.down(ax, y + 36, ax, y + 74, fork, b.entry || id, 'arm', key);
        b.draw(centre, y + 74);
        this.join(ax, y + 74 + b.h, ax, y + boxH - 10, b.exit || fork, id);
        x += b.w + gap;
      }
      bar(cx, y + boxH - 10, id, id);
      this.down(cx, y + boxH - 10, cx, y + boxH + 26, id, id);
      this.add({ id, name: node.name, kind: 'parallel', x: cx - own / 2, y: y + boxH + 26, w: own, h: H });
    };
    return { w, h: boxH + 26 + H, side: 0, entry: fork, exit: id, draw };
  }

  private loop(node: Extract<Definition['nodes'][number], { kind: 'forEach' }>, id: string): Block {
    const { w: own, pad } = this.sizes;
    const b = this.sequence(node.arm, `${id}[]/`);
    const w = Math.max(own, b.w) + pad * 2 + 22;
    const boxH = 62 + b.h + 22;
    const draw = (cx: number, y: number): void => {
      const by = y + H + 26;
      const bx = cx - w / 2;
      this.add({ id, name: node.name, kind: 'forEach', x: cx - own / 2, y, w: own, h: H });
      this.down(cx, y + H, cx, by, id, b.entry || id);
      const head =
        node.concurrency === 1 ? 'for each item, one by one' : `for each item, ${node.concurrency} at a time`;
      this.boxes.push({ id, kind: 'forEach', name: node.name, head, x: bx, y: by, w, h: boxH });
      const centre = cx - 5;
      b.draw(centre, by + 52);
      const mid = centre - b.side / 2;
      const end = by + 52 + b.h;
      const right = bx + w - 16;
      const back = by + 52 + H / 2;
      const edge = mid + own / 2;
      this.edges.push({
        d: `M${mid} ${end}v8q0 6 6 6H${right - 6}q6 0 6 -6V${back + 6}q0 -6 -6 -6H${edge + 5}`,
        from: b.exit,
        to: b.entry,
        kind: 'item',
        tip: { x: edge + 0.5, y: back, to: 'left' },
        label: null,
      });
    };
    return { w, h: H + 26 + boxH, side: 0, entry: id, exit: id, draw };
  }

  private add(node: PlacedNode): void {
    this.nodes.push(node);
    if (node.kind !== 'compensation') this.byName.set(node.name, node);
  }

  /** From the foot of one to the head of the next. */
  private down(
    x1: number,
    y1: number,
    x2: number,
    y2: number,
    from: string,
    to: string,
    kind: 'next' | 'arm' = 'next',
    label: string | null = null,
  ): void {
    const mid = y1 + Math.max(12, (y2 - y1) / 2);
    const r = Math.min(10, Math.abs(x2 - x1) / 2);
    const s = Math.sign(x2 - x1);
    const d =
      Math.abs(x1 - x2) < 1
        ? `M${x1} ${y1}V${y2 - 5}`
        : `M${x1} ${y1}V${mid - r}q0 ${r} ${s * r} ${r}H${x2 - s * r}q${s * r} 0 ${s * r} ${r}V${y2 - 5}`;
    this.edges.push({
      d,
      from,
      to,
      kind,
      tip: { x: x2, y: y2, to: 'down' },
      label: label === null ? null : { x: x2 + 7, y: y2 - 10, text: label },
    });
  }

  /** From the end of an arm to where the arms come together. */
  private join(x1: number, y1: number, x2: number, y2: number, from: string, to: string): void {
    const mid = y2 - 12;
    const r = Math.min(10, Math.abs(x2 - x1) / 2);
    const s = Math.sign(x2 - x1);
    const d =
      Math.abs(x1 - x2) < 1
        ? `M${x1} ${y1}V${y2}`
        : `M${x1} ${y1}V${mid - r}q0 ${r} ${s * r} ${r}H${x2 - s * r}q${s * r} 0 ${s * r} ${r}V${y2}`;
    this.edges.push({ d, from, to, kind: 'join', tip: null, label: null });
  }

  /** Jumps run up and down at the right edge, each in a lane of its own. */
  private drawGotos(edge: number): number {
    let lane = 0;
    for (const { from, to } of this.gotos) {
      const a = this.nodes.find((node) => node.id === from && node.kind !== 'compensation');
      const b = this.byName.get(to);
      if (a === undefined || b === undefined) continue;
      lane += 1;
      const x = edge + lane * 18;
      const y1 = a.y + H / 2;
      const y2 = b.y + H / 2;
      const s = Math.sign(y2 - y1) || 1;
      this.edges.push({
        d: `M${a.x + a.w} ${y1}H${x - 8}q8 0 8 ${s * 8}V${y2 - s * 8}q0 ${s * 8} -8 ${s * 8}H${b.x + b.w + 7}`,
        from: a.id,
        to: b.id,
        kind: 'goto',
        tip: { x: b.x + b.w + 1, y: y2, to: 'left' },
        label: { x: x + 4, y: (y1 + y2) / 2, text: 'goto' },
      });
    }
    return lane;
  }
}
