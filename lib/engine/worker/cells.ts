/**
 * A Map for large values that come and go by the thousand. When a Map of V8's grows or shrinks, it leaves its table
 * behind, and each left table leads to the next: once one has got into the old generation, what was in any of them is
 * copied there too, by one minor collection after the other, and stays until the next full one. So the table holds
 * cells here, and a value's cell is emptied when the value goes.
 */
export class Cells<V> {
  private readonly cells = new Map<string, { value: V | undefined }>();

  get size(): number {
    return this.cells.size;
  }

  has(key: string): boolean {
    return this.cells.has(key);
  }

  get(key: string): V | undefined {
    return this.cells.get(key)?.value;
  }

  set(key: string, value: V): void {
    const cell = this.cells.get(key);
    if (cell === undefined) this.cells.set(key, { value });
    else cell.value = value;
  }

  delete(key: string): void {
    const cell = this.cells.get(key);
    if (cell === undefined) return;
    this.cells.delete(key);
    cell.value = undefined;
  }

  values(): V[] {
    return [...this.cells.values()].flatMap(({ value }) => (value === undefined ? [] : [value]));
  }
}
