import { DEFAULT_SETTINGS, type WorkflowDefinition } from '../../lib/core/definition/definition.js';
import { canonicalJson, definitionHash } from '../../lib/core/definition/definition-hash.js';

const DEFINITION: WorkflowDefinition = {
  name: 'order',
  description: null,
  queue: 'default',
  priority: 0,
  timeout: null,
  maxRetries: 0,
  maxRecoveries: 10,
  concurrency: null,
  nodes: [
    { kind: 'step', name: 'a', member: 'a', settings: DEFAULT_SETTINGS },
    { kind: 'step', name: 'b', member: 'b', settings: DEFAULT_SETTINGS },
  ],
  compensations: [],
};

const reversed = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toReversed()
      .map(([key, item]) => [key, reversed(item)]),
  );
};

describe('definitionHash', () => {
  it('is the same in every process; another value makes each stored definition a new one', () => {
    expect(definitionHash(DEFINITION)).toBe('9aaa97a961ec10e758deec64bf63d51e');
  });

  it('does not depend on the order of keys', () => {
    expect(definitionHash(reversed(DEFINITION) as WorkflowDefinition)).toBe(definitionHash(DEFINITION));
  });

  it('survives being stored as JSON', () => {
    const stored = JSON.parse(JSON.stringify(DEFINITION)) as WorkflowDefinition;
    expect(definitionHash(stored)).toBe(definitionHash(DEFINITION));
  });

  it('tells apart what differs: order of members, a name, an option', () => {
    const [a, b] = DEFINITION.nodes;
    if (a === undefined || b === undefined) throw new Error('two nodes expected');
    const variants: WorkflowDefinition[] = [
      DEFINITION,
      { ...DEFINITION, nodes: [b, a] },
      { ...DEFINITION, nodes: [a] },
      { ...DEFINITION, name: 'ordeR' },
      { ...DEFINITION, name: 'order\u0100' },
      { ...DEFINITION, queue: 'other' },
      { ...DEFINITION, nodes: [a, { ...b, settings: { ...b.settings, timeout: 1 } }] },
    ];
    const hashes = variants.map(definitionHash);
    expect(new Set(hashes).size).toBe(variants.length);
    for (const hash of hashes) expect(hash).toMatch(/^[0-9a-f]{32}$/);
  });
});

describe('canonicalJson', () => {
  it('is JSON with sorted keys and without undefined', () => {
    expect(canonicalJson({ b: 1, a: [{ d: null, c: 'x"' }, undefined], e: undefined })).toBe(
      '{"a":[{"c":"x\\"","d":null},null],"b":1}',
    );
  });
});
