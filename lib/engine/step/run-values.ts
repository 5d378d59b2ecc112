import { decode, encode } from '../../core/codec/codec.js';
import { type DataRef, seqOf } from '../../core/run/run-state.js';
import type { EngineStore, JournalRecord } from '../ports/store.js';

/** Beyond this many characters, what nothing refers to any more is forgotten; it can be read again. */
const KEEP = 1_000_000;
const PAGE = 500;

/** The encoded payloads of a run that may be asked for again, by the number of their record; 0 is the run's input. */
export class RunValues {
  // Made by the first that there is.
  private texts: Map<number, string> | null = null;
  private errors: Map<number, string> | null = null;
  /** Arrays whose items are being worked on, decoded once for all of them. */
  private arrays: Map<number, readonly unknown[]> | null = null;
  private size = 0;
  /** Size from which it is looked again for what nothing refers to. */
  private trimFrom = KEEP;

  constructor(
    private readonly store: Pick<EngineStore, 'loadRecords'>,
    private readonly runId: string,
    private readonly input: string,
    records: readonly JournalRecord[],
  ) {
    for (const record of records) this.add(record);
  }

  /** The text of the data that a reference names. @throws Error unless it was loaded */
  get(ref: DataRef): string {
    const seq = seqOf(ref);
    const text = this.text(seq);
    if (text === undefined) throw new Error(`Record ${seq} was not loaded`);
    return typeof ref === 'number' ? text : encode(this.array(seq, text)[ref[1]]);
  }

  /** The encoded error of a failed record. */
  error(seq: number): string {
    const text = this.errors?.get(seq);
    if (text === undefined) throw new Error(`The error of record ${seq} was not loaded`);
    return text;
  }

  set(seq: number, text: string): void {
    this.size += text.length - (this.text(seq)?.length ?? 0);
    (this.texts ??= new Map()).set(seq, text);
  }

  setError(seq: number, text: string): void {
    (this.errors ??= new Map()).set(seq, text);
  }

  has(seq: number): boolean {
    return this.text(seq) !== undefined || this.errors?.has(seq) === true;
  }

  hasAll(seqs: readonly number[]): boolean {
    return seqs.every((seq) => this.has(seq));
  }

  /** Reads what is not at hand. */
  async load(wanted: readonly number[]): Promise<void> {
    if (!this.hasAll(wanted)) await this.read([...new Set(wanted)].filter((seq) => !this.has(seq)));
  }

  /** Forgets what nothing refers to, once there is much of it. */
  trim(referenced: () => readonly number[]): void {
    if (this.size <= this.trimFrom) return;
    const wanted = new Set(referenced());
    for (const [seq, text] of this.texts ?? []) {
      if (wanted.has(seq)) continue;
      this.texts?.delete(seq);
      this.size -= text.length;
    }
    for (const seq of this.arrays?.keys() ?? []) if (!wanted.has(seq)) this.arrays?.delete(seq);
    // What is left is referred to: not all of it is gone through again for each record.
    this.trimFrom = Math.max(KEEP, 2 * this.size);
  }

  private text(seq: number): string | undefined {
    return seq === 0 ? this.input : this.texts?.get(seq);
  }

  private async read(seqs: readonly number[]): Promise<void> {
    for (let at = 0; at < seqs.length; at += PAGE) {
      const also = seqs.slice(at, at + PAGE);
      const range = { rowId: this.runId, runId: this.runId, after: null, upTo: null, also };
      for (const record of await this.store.loadRecords([range])) this.add(record);
    }
  }

  private add({ seq, output, error }: JournalRecord): void {
    if (output !== null) this.set(seq, output);
    if (error !== null) this.setError(seq, error);
  }

  private array(seq: number, text: string): readonly unknown[] {
    const arrays = (this.arrays ??= new Map());
    let array = arrays.get(seq);
    if (array === undefined) {
      const value = decode(text);
      array = Array.isArray(value) ? value : [];
      arrays.set(seq, array);
    }
    return array;
  }
}
