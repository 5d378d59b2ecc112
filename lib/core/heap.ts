/** Things by a number of theirs: the one with the lowest first; of two with the same, the one that came first. */
export class Heap<T> {
  private readonly entries: Entry<T>[] = [];
  private count = 0;

  get first(): T | undefined {
    return this.entries[0]?.value;
  }

  push(at: number, value: T): void {
    const { entries } = this;
    const entry = { at, nth: this.count++, value };
    let index = entries.length;
    while (index > 0) {
      const parent = entries[(index - 1) >> 1];
      if (parent === undefined || !isBefore(entry, parent)) break;
      entries[index] = parent;
      index = (index - 1) >> 1;
    }
    entries[index] = entry;
  }

  /** Takes the first one out. */
  pop(): T | undefined {
    const { entries } = this;
    const [first] = entries;
    const last = entries.pop();
    if (last !== undefined && entries.length > 0) this.sink(last);
    return first?.value;
  }

  /** Puts an entry in the place of the first one, and below what comes before it. */
  private sink(entry: Entry<T>): void {
    const { entries } = this;
    let index = 0;
    for (;;) {
      let at = 2 * index + 1;
      let child = entries[at];
      const other = entries[at + 1];
      if (child !== undefined && other !== undefined && isBefore(other, child)) {
        child = other;
        at++;
      }
      if (child === undefined || !isBefore(child, entry)) break;
      entries[index] = child;
      index = at;
    }
    entries[index] = entry;
  }
}

interface Entry<T> {
  readonly at: number;
  readonly nth: number;
  readonly value: T;
}

function isBefore<T>(one: Entry<T>, other: Entry<T>): boolean {
  return one.at < other.at || (one.at === other.at && one.nth < other.nth);
}
