import { toMermaid, workflowGraph } from 'nest-durable';
import {
  DEFAULT_SETTINGS,
  type Sequence,
  type StepSettings,
  type WorkflowDefinition,
  type WorkflowNode,
} from '../../lib/core/definition/definition.js';
import { findNode } from '../../lib/core/definition/definition-path.js';
import { Random } from '../support/random.js';

type Arms = Record<string, Sequence>;

const base = (name: string, settings: Partial<StepSettings> = {}) => ({
  name,
  member: name,
  settings: { ...DEFAULT_SETTINGS, ...settings },
});
const step = (name: string, compensate: string | null = null): WorkflowNode => ({
  ...base(name, { compensate }),
  kind: 'step',
});
const decision = (name: string, goto: string[]): WorkflowNode => ({
  ...base(name),
  kind: 'decision',
  goto,
  maxVisits: 9,
});
const branch = (name: string, arms: Arms): WorkflowNode => ({ ...base(name), kind: 'branch', arms });
const parallel = (name: string, arms: Arms, goto: string[] = []): WorkflowNode => ({
  ...base(name),
  kind: 'parallel',
  arms,
  goto,
  onError: 'failFast',
  concurrency: null,
});
const loop = (name: string, arm: Sequence): WorkflowNode => ({
  ...base(name),
  kind: 'forEach',
  arm,
  onError: 'failFast',
  concurrency: 10,
  results: 'all',
});
const workflow = (nodes: Sequence, compensations: string[] = []): WorkflowDefinition => ({
  name: 'w',
  description: null,
  queue: 'default',
  priority: 0,
  timeout: null,
  maxRetries: 0,
  maxRecoveries: 10,
  concurrency: null,
  nodes,
  compensations: compensations.map((name) => ({
    name,
    member: name,
    retry: DEFAULT_SETTINGS.retry,
    timeout: null,
    transactional: false,
  })),
});
const edgesOf = (definition: WorkflowDefinition): string[] =>
  workflowGraph(definition).edges.map(
    ({ from, to, kind, label }) => `${from} ${kind} ${to}${label === null ? '' : ` (${label})`}`,
  );

const everything = workflow(
  [
    step('validate'),
    branch('route', { 'a/b': [step('quick')], default: [decision('review', ['validate', 'fulfil']), step('slow')] }),
    parallel('fulfil', { pay: [step('charge', 'refund')], ship: [loop('parcels', [step('pack'), step('send')])] }, [
      'route',
    ]),
    step('thank'),
  ],
  ['refund'],
);

describe('workflowGraph', () => {
  it('has each member once, at the path of its records', () => {
    expect(
      workflowGraph(everything).nodes.map(({ id, kind, parent, arm }) => [id, kind, parent, arm].join(' | ')),
    ).toEqual([
      '[start] | start |  | ',
      'validate | step |  | ',
      'route | branch |  | ',
      'route.a%2Fb/quick | step | route | a/b',
      'route.default/review | decision | route | default',
      'route.default/slow | step | route | default',
      'fulfil[fork] | fork |  | ',
      'fulfil.pay/charge | step | fulfil | pay',
      'fulfil.ship/parcels | forEach | fulfil | ship',
      'fulfil.ship/parcels[]/pack | step | fulfil.ship/parcels | ',
      'fulfil.ship/parcels[]/send | step | fulfil.ship/parcels | ',
      'fulfil | parallel |  | ',
      'thank | step |  | ',
      '[end] | end |  | ',
      '~refund | compensation |  | ',
    ]);
  });

  it('has every way that a run can go: arms, items, declared jumps, compensations', () => {
    expect(edgesOf(everything).sort()).toEqual(
      [
        '[start] next validate',
        'validate next route',
        'route arm route.a%2Fb/quick (a/b)',
        'route arm route.default/review (default)',
        'route.default/review next route.default/slow',
        'route.default/review goto validate',
        'route.default/review goto fulfil[fork]',
        'route.a%2Fb/quick next fulfil[fork]',
        'route.default/slow next fulfil[fork]',
        'fulfil[fork] arm fulfil.pay/charge (pay)',
        'fulfil[fork] arm fulfil.ship/parcels (ship)',
        'fulfil.pay/charge compensate ~refund',
        'fulfil.ship/parcels arm fulfil.ship/parcels[]/pack',
        'fulfil.ship/parcels[]/pack next fulfil.ship/parcels[]/send',
        'fulfil.ship/parcels[]/send item fulfil.ship/parcels',
        'fulfil.pay/charge next fulfil',
        'fulfil.ship/parcels next fulfil',
        'fulfil goto route',
        'fulfil next thank',
        'thank next [end]',
      ].sort(),
    );
  });

  it('leads from the start to the end where there is nothing in between', () => {
    expect(edgesOf(workflow([]))).toEqual(['[start] next [end]']);
  });

  it('is whole for random trees: ids are unique, edges lead somewhere, all members can be reached', () => {
    for (let seed = 1; seed <= 60; seed++) {
      const definition = randomDefinition(seed);
      const { nodes, edges } = workflowGraph(definition);
      const ids = new Set(nodes.map(({ id }) => id));
      expect(ids.size).toBe(nodes.length);
      expect(edges.filter(({ from, to }) => !ids.has(from) || !ids.has(to))).toEqual([]);
      expect(reached(edges)).toEqual(ids);
      for (const { id, name, kind } of nodes) {
        if (kind === 'start' || kind === 'end' || kind === 'fork' || kind === 'compensation') continue;
        expect(findNode(definition, id.replaceAll('[]', '[7]'))).toMatchObject({ name, kind });
      }
    }
  });
});

describe('toMermaid', () => {
  it('draws a workflow', () => {
    expect(toMermaid(everything)).toBe(`flowchart TD
  n0(["start"])
  n1["validate"]
  n2{"route"}
  n3["quick"]
  n4{{"review"}}
  n5["slow"]
  n6[/"fulfil"\\]
  subgraph bn11["fulfil"]
    n7["charge"]
    subgraph bn8["each of parcels"]
      n9["pack"]
      n10["send"]
    end
    n8[["parcels"]]
  end
  n11[\\"fulfil"/]
  n12["thank"]
  n13(["end"])
  n14("refund")
  n2 -->|"a#47;b"| n3
  n4 --> n5
  n2 -->|"default"| n4
  n1 --> n2
  n7 -.->|"undo"| n14
  n6 -->|"pay"| n7
  n7 --> n11
  n9 --> n10
  n8 -->|"each item"| n9
  n10 -->|"next"| n8
  n6 -->|"ship"| n8
  n8 --> n11
  n3 --> n6
  n5 --> n6
  n11 --> n12
  n0 --> n1
  n12 --> n13
  n4 -.->|"goto"| n1
  n4 -.->|"goto"| n6
  n11 -.->|"goto"| n2
`);
  });

  it('is valid, and shows every name as it is, whatever is in it', () => {
    for (let seed = 1; seed <= 60; seed++) {
      const definition = randomDefinition(seed);
      const text = toMermaid(definition);
      const labels = readFlowchart(text);
      const wanted = workflowGraph(definition).nodes.map(({ name, kind }) => (name === '' ? kind : name));
      expect(labels.sort()).toEqual(wanted.sort());
    }
  });

  it('leaves ordinary names readable, and nothing that Markdown would take for its own', () => {
    const text = toMermaid(workflow([step('send_mail-2 now'), step('1. first'), step('_a_'), step('- b')]));
    expect(text).toContain('["send_mail-2 now"]');
    expect(text).toContain('["1#46;#32;first"]');
    expect(text).toContain('["#95;a#95;"]');
    expect(text).toContain('["#45;#32;b"]');
  });
});

const PIECES =
  'a Z 7 0 . / [ ] ~ % " \' ` # ; : & < > ( ) { } | \\ - _ = + * ! ? @ $ ^ , end style subgraph x--o %% --> "] ' +
  '<br/> #35; #quot; &amp; %%{init}%% ```md 名前 ü 😀 e\u0301 ﬂ° ¶ß °° __proto__ constructor style:';

function hostileName(random: Random): string {
  const pieces = [...PIECES.split(' '), ' ', '\u2028', '\u00a0', '\u200d'];
  const name = Array.from({ length: random.int(1, 6) }, () => random.pick(pieces)).join('');
  return name.trim() === '' ? 'blank' : name;
}

function randomDefinition(seed: number): WorkflowDefinition {
  const random = new Random(seed);
  const names = new Set<string>();
  const name = (): string => {
    for (;;) {
      const one = hostileName(random);
      if (names.has(one)) continue;
      names.add(one);
      return one;
    }
  };
  const compensations = Array.from({ length: random.int(0, 2) }, name);
  const arms = (depth: number): Arms =>
    Object.fromEntries(Array.from({ length: random.int(1, 3) }, () => [hostileName(random), sequence(depth + 1)]));
  const node = (depth: number, before: readonly string[]): WorkflowNode => {
    switch (random.int(0, depth > 3 ? 1 : 4)) {
      case 0:
        return step(name(), compensations.length > 0 ? random.pick(compensations) : null);
      case 1:
        return decision(name(), before.length > 0 ? [random.pick(before)] : []);
      case 2:
        return branch(name(), arms(depth));
      case 3:
        return parallel(name(), arms(depth), before.length > 0 ? [random.pick(before)] : []);
      default:
        return loop(name(), sequence(depth + 1));
    }
  };
  const sequence = (depth: number): Sequence => {
    const nodes: WorkflowNode[] = [];
    for (let left = random.int(1, 3); left > 0; left--) {
      nodes.push(
        node(
          depth,
          nodes.map((one) => one.name),
        ),
      );
    }
    return nodes;
  };
  const nodes = [...sequence(0), ...compensations.map((undo, index) => step(`uses ${index}`, undo))];
  return workflow(nodes, compensations);
}

function reached(edges: readonly { from: string; to: string }[]): Set<string> {
  const found = new Set(['[start]']);
  for (const from of found) {
    for (const edge of edges) if (edge.from === from) found.add(edge.to);
  }
  return found;
}

/**
 * Reads a flowchart by the rules of Mermaid's grammar that matter here (packages/mermaid/src/diagrams/flowchart/parser/
 * flow.jison): ids are one word that is no keyword, quoted text ends at the next quote and must not be empty, brackets
 * close as they opened, every box is closed, ids in edges are known. Gives the text of the nodes, decoded as Mermaid
 * does: `#name;` and `#code;` are entities, all else is read as Markdown and then as HTML, so nothing of these is left.
 */
function readFlowchart(chart: string): string[] {
  const lines = chart.split('\n');
  expect(lines.shift()).toBe('flowchart TD');
  expect(lines.pop()).toBe('');
  const labels: string[] = [];
  const ids = new Set<string>();
  const shapes =
    /^(n\d+)(?:\(\["([^"]+)"\]\)|\{\{"([^"]+)"\}\}|\{"([^"]+)"\}|\[\/"([^"]+)"\\\]|\[\\"([^"]+)"\/\]|\[\["([^"]+)"\]\]|\["([^"]+)"\]|\("([^"]+)"\))$/;
  let open = 0;
  for (const full of lines) {
    const line = full.trimStart();
    const box = /^subgraph (bn\d+)\["([^"]+)"\]$/.exec(line);
    const edge = /^(n\d+) -(?:-|\.-)>(?:\|"([^"]+)"\|)? (n\d+)$/.exec(line);
    const node = shapes.exec(line);
    if (box !== null) {
      open++;
      decode(box[2] ?? '');
    } else if (line === 'end' && open > 0) {
      open--;
    } else if (edge !== null && ids.has(edge[1] ?? '') && ids.has(edge[3] ?? '')) {
      decode(edge[2] ?? 'none');
    } else if (node !== null && !ids.has(node[1] ?? '')) {
      ids.add(node[1] ?? '');
      labels.push(decode(node.slice(2).find((text) => text !== undefined) ?? ''));
    } else {
      throw new Error(`Not a line of a flowchart, at this place: ${line}`);
    }
  }
  expect(open).toBe(0);
  return labels;
}

function decode(label: string): string {
  // What is left once the codes are taken out must have no meaning to Mermaid, Markdown or HTML.
  const plain = label.replace(/#\d+;/g, '');
  if (!/^[\p{L}\p{N}\p{M}_ -]*$/u.test(plain) || /^[ _-]|[ _-]$| {2}|--|__/.test(label)) {
    throw new Error(`Not plain text: ${label}`);
  }
  return label.replace(/#(\d+);/g, (_, code: string) => String.fromCodePoint(Number(code)));
}
