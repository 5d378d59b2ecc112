import type { JournalRecord } from './store.js';

/** The encoded payloads of a run that may be asked for again, by the number of their record; 0 is the run's input. */
export class RunValues {
  private readonly texts = new Map<number, string>();

  constructor(input: string, records: readonly JournalRecord[]) {
    this.texts.set(0, input);
    for (const record of records) if (record.output !== null) this.texts.set(record.seq, record.output);
  }

  get(seq: number): string {
    const text = this.texts.get(seq);
    if (text === undefined) throw new Error(`Record ${seq} was not loaded`);
    return text;
  }

  set(seq: number, text: string): void {
    this.texts.set(seq, text);
  }

  /** Forgets everything but these and the input. */
  keep(wanted: readonly number[]): void {
    if (this.texts.size <= wanted.length + 1) return;
    for (const seq of this.texts.keys()) if (seq !== 0 && !wanted.includes(seq)) this.texts.delete(seq);
  }
}
