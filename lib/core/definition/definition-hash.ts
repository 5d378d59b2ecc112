import type { WorkflowDefinition } from './definition.js';

/**
 * The identity of a definition: 32 hex digits, the same in every process for the same tree, however its keys are
 * ordered. Two 64-bit FNV-1a sums with different starts over the canonical JSON: it tells versions of one workflow
 * apart and is no protection against anybody. http://www.isthe.com/chongo/tech/comp/fnv/
 */
export function definitionHash(definition: WorkflowDefinition): string {
  const text = canonicalJson(definition);
  return fnv1a(text, 0xcbf29ce4, 0x84222325) + fnv1a(text, 0x84222325, 0xcbf29ce4);
}

/** What the prime of 64 bits has below its bit 40: multiplying by it is to multiply by this and to add a shift. */
const PRIME = 0x1b3;
const HALF = 2 ** 32;

/** In two halves of 32 bits each, which numbers hold: a BigInt for each byte took a second of the boot of a large class. */
function fnv1a(text: string, high: number, low: number): string {
  let [hi, lo] = [high, low];
  const take = (byte: number): void => {
    const mixed = (lo ^ byte) >>> 0;
    const product = mixed * PRIME;
    hi = (hi * PRIME + Math.floor(product / HALF) + ((mixed << 8) >>> 0)) >>> 0;
    lo = product >>> 0;
  };
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    take(unit & 0xff);
    take(unit >> 8);
  }
  return [hi, lo].map((half) => half.toString(16).padStart(8, '0')).join('');
}

/** JSON with the keys of every object in order of their code units. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) {
    return `[${value.map(canonicalJson).join(',')}]`;
  }
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value)
      .filter(([, item]) => item !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, item]) => `${JSON.stringify(key)}:${canonicalJson(item)}`);
    return `{${entries.join(',')}}`;
  }
  return JSON.stringify(value) ?? 'null';
}
