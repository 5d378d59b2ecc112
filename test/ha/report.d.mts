/** The table and the sentences of docs/how-to/high-availability.md, of rows as docs/high-availability.json has them. */
export function measured(rows: readonly unknown[]): string;
