import type { WorkerPeer } from '../ports/store.js';

/** A hint at which every process looks. */
export const EVERYBODY = 0;
/** Processes that look after a hint, one after the other, unless they have by then: see PeerHints. */
export const LOOKERS = 4;

/**
 * Whose turn it is to look after a hint. Processes that could do the same work agree without a word, by a number drawn for
 * the hint and what each knows of the others (rendezvous hashing): a hint costs one claim, and one of each of the next in order
 * that has not looked within 150, 300, 450 ms, however many are idle. What they know may be a pulse old: of those that have gone
 * since, the next in order takes the turn.
 */
export class Turns {
  /** Null: no pulse has answered yet. */
  private peers: readonly WorkerPeer[] | null = null;

  constructor(private readonly id: () => number) {}

  /** The other processes, as the pulse has found them. */
  know(peers: readonly WorkerPeer[]): void {
    this.peers = peers;
  }

  /** How many of them look before this one; 0: it is its turn. */
  before(queue: string, draw: number): number {
    if (draw === EVERYBODY) return 0;
    const id = this.id();
    const own = weightOf(draw, id);
    return this.alike(queue).filter((peer) => isBefore(weightOf(draw, peer.id), peer.id, own, id)).length;
  }

  /** A number by which others than this process look, as far as it knows of any: it hears nothing of its own hints. */
  draw(queue: string): number {
    const others = Math.min(2, this.alike(queue).length);
    for (;;) {
      const draw = anyDraw();
      if (this.before(queue, draw) >= others) return draw;
    }
  }

  /** Others leave the queue to this process when it is its turn: false where each looks for itself. */
  isShared(queue: string): boolean {
    return this.peers === null || this.alike(queue).length > 0;
  }

  /** Another process may have work in the queue that this one may not claim. */
  hasOthers(queue: string): boolean {
    return this.peers === null || this.peers.some((peer) => !peer.alike && peer.queues.includes(queue));
  }

  /** Those that hear hints and may claim what this one may. */
  private alike(queue: string): readonly WorkerPeer[] {
    // An answer that was asked for under an earlier number has this process among the others.
    const id = this.id();
    return (this.peers ?? []).filter(
      (peer) => peer.alike && peer.listening && peer.id !== id && peer.queues.includes(queue),
    );
  }
}

/** A number for a hint of somebody who does not know the workers. */
export function anyDraw(): number {
  return 1 + Math.floor(Math.random() * 0x7ffffffe);
}

/** The lighter one is first. Each draw orders the processes anew, and one that comes or goes changes no order of the others. */
function isBefore(weight: number, id: number, other: number, otherId: number): boolean {
  return weight < other || (weight === other && id < otherId);
}

function weightOf(draw: number, id: number): number {
  let mixed = Math.imul(draw ^ Math.imul(id, 0x9e3779b1), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
