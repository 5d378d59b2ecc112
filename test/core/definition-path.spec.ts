import { DEFAULT_SETTINGS, type WorkflowDefinition, type WorkflowNode } from '../../lib/core/definition/definition.js';
import {
  armPrefix,
  compensationPath,
  decodeName,
  encodeName,
  findNode,
  itemPrefix,
  nodePath,
  prefixOf,
  siblings,
  stepNameOf,
} from '../../lib/core/definition/definition-path.js';

const step = (name: string): WorkflowNode => ({ kind: 'step', name, member: name, settings: DEFAULT_SETTINGS });
const branch = (name: string, arms: Record<string, WorkflowNode[]>): WorkflowNode => ({
  ...step(name),
  kind: 'branch',
  arms,
});
const loop = (name: string, arm: WorkflowNode[]): WorkflowNode => ({
  ...step(name),
  kind: 'forEach',
  arm,
  onError: 'failFast',
  concurrency: 10,
  results: 'all',
});
const workflow = (...nodes: WorkflowNode[]): WorkflowDefinition => ({
  name: 'w',
  description: null,
  queue: 'default',
  priority: 0,
  timeout: null,
  maxRetries: 0,
  maxRecoveries: 10,
  concurrency: null,
  nodes,
  compensations: [],
});

const HOSTILE = ['a/b', 'a.b', 'a[0]', 'a~b', '100%', '%2F', '', 'ü/é', '..', '[', '__proto__', 'constructor'];

describe('names in paths', () => {
  it.each([...HOSTILE, 'plain', 'with space', '名前'])('%j comes back as it went in', (name) => {
    const encoded = encodeName(name);
    expect(decodeName(encoded)).toBe(name);
    expect(encoded).not.toMatch(/[./[\]~]/);
  });

  it('leaves ordinary names readable', () => {
    expect(encodeName('send mail_2-ö')).toBe('send mail_2-ö');
    expect(encodeName('a/b.c[d]~%')).toBe('a%2Fb%2Ec%5Bd%5D%7E%25');
  });
});

describe('paths', () => {
  it('are built as the journal shows them', () => {
    expect(nodePath('', 'validate')).toBe('validate');
    expect(nodePath(armPrefix('fulfil', 'delivery'), 'book')).toBe('fulfil.delivery/book');
    expect(nodePath(itemPrefix('recipients', 12), 'sendOne')).toBe('recipients[12]/sendOne');
    expect(compensationPath('charge', 'refund')).toBe('charge~refund');
  });

  it('give back the name of what stands there', () => {
    expect(stepNameOf('validate')).toBe('validate');
    expect(stepNameOf('fulfil.delivery/book')).toBe('book');
    expect(stepNameOf('recipients[12]/a%2Fb')).toBe('a/b');
    expect(stepNameOf('fulfil.delivery/charge~refund')).toBe('refund');
  });

  it('give back the prefix of their sequence', () => {
    expect(prefixOf('validate')).toBe('');
    expect(prefixOf('a.b/c[2]/d')).toBe('a.b/c[2]/');
  });
});

describe('findNode', () => {
  const send = step('sendOne');
  const each = loop('recipients', [send, step('log')]);
  const route = branch('route', { mail: [each], '': [step('nothing')] });
  const definition = workflow(step('first'), route, step('last'));

  it.each([
    ['first', 'first'],
    ['route', 'route'],
    ['route.mail/recipients', 'recipients'],
    ['route.mail/recipients[0]/sendOne', 'sendOne'],
    ['route.mail/recipients[4711]/log', 'log'],
    ['route./nothing', 'nothing'],
  ])('finds %s', (path, name) => {
    expect(findNode(definition, path)?.name).toBe(name);
  });

  it.each([
    '',
    'gone',
    'first/last',
    'first.mail/recipients',
    'route.fax/recipients',
    'route.constructor/recipients',
    'route[0]/recipients',
    'route.mail/recipients.a/sendOne',
    'route.mail/recipients[]/sendOne',
    'route.mail/recipients[01]/sendOne',
    'route.mail/recipients[-1]/sendOne',
    'route.mail/recipients/sendOne',
    'route.mail/',
    'sendOne',
    'first~undo',
  ])('finds nothing at %j', (path) => {
    expect(findNode(definition, path)).toBeNull();
  });

  it('gives the sequence a node stands in, also when the node itself is gone', () => {
    expect(siblings(definition, 'last')).toBe(definition.nodes);
    expect(siblings(definition, 'gone')).toBe(definition.nodes);
    expect(siblings(definition, 'route.mail/recipients[3]/gone')?.map(({ name }) => name)).toEqual(['sendOne', 'log']);
    expect(siblings(definition, 'first.mail/x')).toBeNull();
  });

  it('keeps hostile names apart at every place of a path', () => {
    const arms = Object.fromEntries(HOSTILE.map((key) => [key, [step(`in ${key}`)]]));
    const nodes = HOSTILE.filter((name) => name !== '').map((name) => branch(name, arms));
    const hostile = workflow(...nodes);
    const paths = new Set<string>();
    for (const node of nodes) {
      const path = nodePath('', node.name);
      expect(findNode(hostile, path)).toBe(node);
      for (const key of HOSTILE) {
        const inner = nodePath(armPrefix(path, key), `in ${key}`);
        expect(findNode(hostile, inner)).toBe(arms[key]?.[0]);
        paths.add(inner);
      }
    }
    expect(paths.size).toBe(nodes.length * HOSTILE.length);
  });
});
