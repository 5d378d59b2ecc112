import { encode } from '../../core/codec/codec.js';
import { escapeJson } from './text.js';

/** Keys whose values are payloads or parts of them: they have the codec's form, in which plain JSON is itself. */
const PAYLOADS = new Set(['input', 'data', 'output', 'response', 'metadata', 'error', 'payload', 'value', 'lastError']);

/** One document, without line breaks: dates as ISO strings, payloads in the codec's form. */
export function toJson(value: unknown): string {
  return escapeJson(JSON.stringify(shown(value)) ?? 'null');
}

/** The same, for people: indented. */
export function toPrettyJson(value: unknown): string {
  return escapeJson(JSON.stringify(shown(value), null, 2) ?? 'null');
}

/** A payload as its JSON text. */
export function payloadJson(value: unknown): string {
  return escapeJson(JSON.stringify(JSON.parse(encode(value)), null, 2));
}

function shown(value: unknown): unknown {
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.map(shown);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, field]): [string, unknown][] => {
      if (field === undefined) return [];
      return [[key, PAYLOADS.has(key) ? JSON.parse(encode(field)) : shown(field)]];
    }),
  );
}
