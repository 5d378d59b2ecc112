import type { WorkflowDefinition } from './definition.js';

/**
 * The identity of a definition: 32 hex digits, the same in every process for the same tree, however its keys are
 * ordered. Two 64-bit FNV-1a sums with different starts over the canonical JSON: it tells versions of one workflow
 * apart and is no protection against anybody. http://www.isthe.com/chongo/tech/comp/fnv/
 */
export function definitionHash(definition: WorkflowDefinition): string {
  const text = canonicalJson(definition);
  return [0xcbf29ce484222325n, 0x84222325cbf29ce4n].map((start) => fnv1a(text, start)).join('');
}

const PRIME = 0x100000001b3n;
const MASK = 0xffffffffffffffffn;

function fnv1a(text: string, start: bigint): string {
  let sum = start;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    sum = ((sum ^ BigInt(unit & 0xff)) * PRIME) & MASK;
    sum = ((sum ^ BigInt(unit >> 8)) * PRIME) & MASK;
  }
  return sum.toString(16).padStart(16, '0');
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
