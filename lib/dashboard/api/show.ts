import { pipeline, Readable } from 'node:stream';
import { encode, type StoredError } from '../durable.js';
import type { Answer } from '../http/answer.js';
import { json } from '../http/answer.js';

/** Characters of a payload that are sent unless the whole is asked for, and of the beginning of one that is not. */
const LONGEST = 65_536;
const HEAD = 2_000;

/** How much of payloads somebody gets to see. */
export interface Sight {
  readonly payloads: boolean;
  /** Whole, however large. */
  readonly full: boolean;
}

const HIDDEN = { $durable: 'hidden' } as const;

/** A payload as JSON has it; the codec's marks stand for what JSON has not. */
export function showPayload(value: unknown, { payloads, full }: Sight): unknown {
  if (!payloads) return HIDDEN;
  const text = encode(value);
  if (full || text.length <= LONGEST) {
    const bytes = Buffer.byteLength(text);
    if (full || bytes <= LONGEST) return JSON.parse(text);
  }
  return { $durable: 'cut', bytes: Buffer.byteLength(text), head: text.slice(0, HEAD).replace(/\p{Cs}$/u, '') };
}

/** Name and message are part of what a run did; what else an error carries is a payload. */
export function showError(error: StoredError | null, { payloads }: Sight): unknown {
  if (error === null) return null;
  return payloads ? JSON.parse(encode(error)) : { name: error.name, message: error.message };
}

/** As a file, where the browser is to keep it. */
export function asDownload(body: object, name: string): Answer {
  return json(200, body, attachment(name));
}

/** JSON as a file, sent as fast as it is taken. What fails on the way breaks the answer off: a browser then keeps no file. */
export function asStreamedDownload(parts: AsyncGenerator<string>, name: string): Answer {
  const { status, headers } = asDownload({}, name);
  return {
    status,
    headers,
    body: '',
    stream: (response) => {
      if (response.req.method === 'HEAD') response.end();
      else pipeline(Readable.from(parts, { objectMode: false }), response, () => {});
    },
  };
}

function attachment(name: string): Record<string, string> {
  return { 'Content-Disposition': `attachment; filename="${name.replace(/[^\w.-]+/g, '_')}"` };
}

/** A page of a list. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly next: string | null;
  readonly prev: string | null;
}
