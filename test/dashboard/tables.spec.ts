import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { cutAxis, ticksOf, trueAxis, zoomed } from '../../lib/dashboard/ui/src/lib/axis.js';
import { changes, diff } from '../../lib/dashboard/ui/src/lib/diff.js';
import {
  formatFilter,
  isWhole,
  parseFilter,
  typing,
  valueOf,
  withTerm,
} from '../../lib/dashboard/ui/src/lib/filter.js';
import { jsonLines, valueAt } from '../../lib/dashboard/ui/src/lib/json.js';
import { layoutOf } from '../../lib/dashboard/ui/src/lib/layout.js';
import { parse } from '../../lib/dashboard/ui/src/lib/palette.js';
import { seriesSentence, uncountedShare } from '../../lib/dashboard/ui/src/lib/series.js';
import { begun, countOf, longer, lookFurther, refreshed } from '../../lib/dashboard/ui/src/lib/run-rows.js';
import { FrameReader } from '../../lib/dashboard/ui/src/lib/sse.js';
import { ago, clock, countdown, duration, moment, readDuration, roughly } from '../../lib/dashboard/ui/src/lib/time.js';
import { buildTree } from '../../lib/dashboard/ui/src/lib/tree.js';
import { flatten } from '../../lib/dashboard/ui/src/lib/tree-walk.js';
import type { RunRow, RunsPage } from '../../lib/dashboard/ui/src/lib/types.js';
import {
  bytes,
  capped,
  count,
  isUnknown,
  large,
  percent,
  plural,
  saidOnce,
  spelt,
  within,
} from '../../lib/dashboard/ui/src/lib/words.js';
import { definitions, type Journal, looping, retrying, runOf, undone } from './trees.js';

const S = 1000;
const MIN = 60 * S;
const H = 60 * MIN;
const D = 24 * H;
/** With plain blanks. */
const blank = (text: string): string => text.replaceAll(/[\u00a0\u2009]/g, ' ');

describe('time in words', () => {
  test.each([
    [0, '0 ms'],
    [38, '38 ms'],
    [999.4, '999 ms'],
    [1400, '1.4 s'],
    [31 * S, '31 s'],
    [MIN, '1 min'],
    [12 * MIN + 4 * S, '12 min 4 s'],
    [37 * H + 4 * MIN, '1 d 13 h'],
    [D, '1 d'],
  ])('%d ms took %s', (ms, text) => expect(blank(duration(ms))).toBe(text));

  test.each([
    [3 * D + 10 * H + 55 * MIN + 30 * S, '3 d 10 h 55 min'],
    [12_900, '12 s'],
    [400, '0 s'],
    [-5, '0 s'],
  ])('%d ms are still to come: %s', (ms, text) => expect(blank(countdown(ms))).toBe(text));

  test.each([
    [400, 'now'],
    [4200, '4 s ago'],
    [22 * MIN, '22 min ago'],
    [6 * D, '6 d ago'],
  ])('%d ms ago is %s', (ms, text) => expect(blank(ago(ms))).toBe(text));

  test('a moment has its day only where it is another one, in the zone that is asked for', () => {
    const now = new Date('2026-11-28T02:06:24Z');
    expect(moment(new Date('2026-11-28T01:47:12Z'), now, 'second', 'Europe/Berlin')).toBe('02:47:12');
    expect(moment(new Date('2026-11-26T13:02:11Z'), now, 'second', 'Europe/Berlin')).toBe('Thu 26 Nov, 14:02:11');
    expect(moment(new Date('2025-11-26T13:02:11Z'), now, 'minute', 'UTC')).toBe('26 Nov 2025, 13:02');
    expect(clock(new Date('2026-11-28T00:00:00.007Z'), 'ms', 'UTC')).toBe('00:00:00.007');
  });

  test.each([
    ['24h', D],
    ['90s', 90 * S],
    ['250ms', 250],
    ['x', null],
    ['5', null],
  ])('%s is read as a duration', (text, ms) => expect(readDuration(text)).toBe(ms));

  test('a narrow place has one unit', () => expect(blank(roughly(21 * H + 59 * MIN))).toBe('21 h'));
});

test('a count of none that was cut off is not told', () => {
  expect([0, 1].map((n) => isUnknown({ n, more: true }))).toEqual([true, false]);
  expect(isUnknown({ n: 0, more: false })).toBe(false);
});

test.each([
  [blank(count(61_402)), '61 402'],
  [blank(count(1240)), '1 240'],
  [blank(count(-1_000_000)), '−1 000 000'],
  [blank(plural(1, 'run')), '1 run'],
  [blank(plural(0, 'run')), '0 runs'],
  [spelt(2, 'problem'), 'two problems'],
  [within({ n: 0, more: false }), ''],
  [blank(within({ n: 12_000, more: true })), '12 000+'],
  [within({ n: 0, more: true }), '0+'],
  [capped({ n: 12, more: false }), '12'],
  [capped({ n: 12, more: true }), 'at least 12'],
  [blank(capped({ n: 10_000, more: true })), 'more than 10 000'],
  [blank(percent(0.991)), '99.1 %'],
  [blank(percent(0.38)), '38 %'],
  [blank(percent(1)), '100 %'],
  [blank(bytes(164)), '164 B'],
  [blank(bytes(803_000_000)), '803 MB'],
  [blank(bytes(3_400_000_000)), '3.4 GB'],
  [blank(large(8_100_000)), '8.1 M'],
])('figures: %s', (text, wanted) => expect(text).toBe(wanted));

describe('a list of runs whose pages are short, since no index has what is asked for', () => {
  const page = (ids: string[], next: string | null, lookedTo: string | null): RunsPage => {
    return { items: ids.map((id) => ({ id }) as RunRow), next, prev: null, lookedTo };
  };
  /** Each page has so many rows, and ends the list or not. */
  const pages = (...sizes: number[]) => {
    const asked: string[] = [];
    const read = async (cursor: string): Promise<RunsPage> => {
      asked.push(cursor);
      const at = Number(cursor);
      const size = sizes[at] ?? 0;
      const last = at === sizes.length - 1;
      const ids = Array.from({ length: size }, (_, n) => `${cursor}.${n}`);
      return page(ids, last ? null : String(at + 1), last || size === 50 ? null : `back to ${cursor}`);
    };
    return { asked, read };
  };

  test('is gone on with until there is a page of rows, and knows how far it has come', async () => {
    const { asked, read } = pages(0, 0, 3, 0, 47, 9);
    let kept = begun('took:>1h', page(['first'], '0', 'back to now'));
    await lookFurther(kept.next, read, (found, cursor) => (kept = longer(kept, cursor, found)).next);
    expect(asked).toEqual(['0', '1', '2', '3', '4']);
    expect(kept).toMatchObject({ next: '5', lookedTo: 'back to 4' });
    expect(kept.order).toHaveLength(51);
    await lookFurther(kept.next, read, (found, cursor) => (kept = longer(kept, cursor, found)).next);
    expect(kept).toMatchObject({ next: null, lookedTo: null });
    expect(kept.order).toHaveLength(60);
  });

  test('is gone on with to its end, where there are no rows, but not for ever', async () => {
    const { asked, read } = pages(...Array.from({ length: 250 }, () => 0));
    let kept = begun('took:>1h', page([], '0', 'back to now'));
    await lookFurther(kept.next, read, (found, cursor) => (kept = longer(kept, cursor, found)).next);
    expect(asked).toHaveLength(100);
    expect(kept).toMatchObject({ order: [], next: '100', lookedTo: 'back to 99' });
    for (let n = 0; n < 2; n++)
      await lookFurther(kept.next, read, (found, cursor) => (kept = longer(kept, cursor, found)).next);
    expect(kept).toMatchObject({ order: [], next: null, lookedTo: null });
  });

  test('asks once where pages are full', async () => {
    const { asked, read } = pages(50, 50);
    await lookFurther('0', read, ({ next }) => next);
    expect(asked).toEqual(['0']);
  });

  test('does not begin anew when its first page comes again', () => {
    const looked = longer(begun('q', page([], '0', 'back to now')), '0', page([], '1', 'back to 0'));
    expect(refreshed(looked, 'q', page([], '0', 'back to now'))).toMatchObject({ next: '1', lookedTo: 'back to 0' });
    const filled = refreshed(looked, 'q', page(['new'], '0', 'back to now'));
    expect(filled).toMatchObject({ order: ['new'], next: '1', lookedTo: 'back to 0' });
    expect(refreshed(filled, 'other', page([], '9', null))).toMatchObject({ q: 'other', order: [], next: '9' });
  });

  test('begins anew where there was none and the first page is full: the rest of its runs is on the next', () => {
    const full = page(['a', 'b'], 'after b', null);
    for (const was of [page([], null, null), page([], '7', 'back to 6')])
      expect(refreshed(begun('q', was), 'q', full)).toEqual(begun('q', full));
    const ended = refreshed(begun('q', page([], null, null)), 'q', page(['a'], '0', 'back to now'));
    expect(ended).toMatchObject({ order: ['a'], next: null, lookedTo: null });
  });

  test('has no page but the one that it goes on with, and looks no further where it began anew', async () => {
    const { asked, read } = pages(0, 0, 0, 3, 9);
    const fresh = begun('q', page(['new'], 'after new', 'back to now'));
    let kept = begun('q', page([], '0', 'back to now'));
    await lookFurther(kept.next, read, (found, cursor) => {
      if (cursor === '2') kept = fresh;
      return (kept = longer(kept, cursor, found)).next;
    });
    expect(asked).toEqual(['0', '1', '2']);
    expect(kept).toBe(fresh);
  });

  test('holds so many rows, looks no further then, and is not its own count', async () => {
    const { asked, read } = pages(1, 1, 1, 1, 1);
    let kept = begun(
      'q',
      page(
        Array.from({ length: 1998 }, (_, n) => `first ${n}`),
        '0',
        'back to now',
      ),
    );
    await lookFurther(kept.next, read, (found, cursor) => (kept = longer(kept, cursor, found)).next);
    expect(asked).toEqual(['0', '1']);
    expect(kept).toMatchObject({ next: null, lookedTo: null });
    const total = { n: 1500, more: true };
    expect(countOf(total, kept.order.length, true)).toEqual(total);
    expect(countOf(total, 1999, true)).toEqual({ n: 1999, more: false });
    expect(countOf(total, 1999, false)).toEqual(total);
    expect(countOf(undefined, 0, true)).toBeUndefined();
  });
});

describe('the filter', () => {
  test.each([
    [
      'status:failed,compensated workflow:a',
      [
        { key: 'status', values: ['failed', 'compensated'], negated: false },
        { key: 'workflow', values: ['a'], negated: false },
      ],
    ],
    ['-queue:ai', [{ key: 'queue', values: ['ai'], negated: true }]],
    ['019a8f', [{ key: '', values: ['019a8f'], negated: false }]],
    ['error:"a b",c', [{ key: 'error', values: ['a b', 'c'], negated: false }]],
    [String.raw`tag.x:"say \"hi\", you"`, [{ key: 'tag.x', values: ['say "hi", you'], negated: false }]],
    ['since:2026-11-28T02:00:00Z', [{ key: 'since', values: ['2026-11-28T02:00:00Z'], negated: false }]],
    ['', []],
    ['   ', []],
  ])('%s is read, and written as it was', (text, terms) => {
    expect(parseFilter(text)).toEqual(terms);
    expect(parseFilter(formatFilter(terms))).toEqual(terms);
  });

  test('a value that holds anything comes back', () => {
    const values = ['"', '\\', 'a b', ',', '', ':', '-', 'é "x\\" y'].filter((v) => v !== '');
    for (const value of values)
      expect(parseFilter(formatFilter([{ key: 'tag.k', values: [value], negated: false }]))[0]?.values).toEqual([
        value,
      ]);
  });

  test('a term takes the place of that of its key', () => {
    expect(withTerm('since:24h status:failed', 'since', '1h')).toBe('since:1h status:failed');
    expect(withTerm('', 'workflow', 'a b')).toBe('workflow:"a b"');
    expect(valueOf('-since:1h since:2h', 'since')).toBe('2h');
  });

  test('what is typed is a key, then a value, and whole when its quotes are shut', () => {
    expect(typing('sta')).toEqual({ key: null, text: 'sta', negated: false });
    expect(typing('-error:Pay')).toEqual({ key: 'error', text: 'Pay', negated: true });
    expect(typing('status:failed,com')).toEqual({ key: 'status', text: 'com', negated: false });
    expect([isWhole('error:'), isWhole('error:"a'), isWhole('error:"a b"'), isWhole('019a')]).toEqual([
      false,
      false,
      true,
      true,
    ]);
  });
});

describe('a sentence', () => {
  test.each([
    ['Completed after 816 ms; it worked for 816 ms of them', 'Completed after 816 ms'],
    ['Completed after 21 min; it worked for 21 s of them', 'Completed after 21 min; it worked for 21 s of them'],
    ['Sleeps', 'Sleeps'],
  ])('%s is shown as %s', (said, shown) => expect(saidOnce(said)).toBe(shown));
});

describe('the axis', () => {
  const t = Date.parse('2026-11-26T13:02:11Z');

  test('time in which nothing works is cut out to a gap that says how long it was', () => {
    const axis = cutAxis(
      [
        [t, t + 3 * S],
        [t + 22 * H, t + 22 * H + 5 * S],
      ],
      t,
      t + 22 * H + 5 * S,
    );
    expect(axis.segments.map(({ idle }) => idle)).toEqual([false, true, false]);
    expect(axis.segments[1]?.w).toBe(9);
    expect(axis.x(t)).toBe(0);
    expect(axis.x(t + 22 * H + 5 * S)).toBeCloseTo(100);
    expect(blank(ticksOf(axis, 900, '14:02:11', 'UTC').find(({ kind }) => kind === 'gap')?.text ?? '')).toBe(
      '21 h 59 min',
    );
  });

  test('it never runs backwards, fills the width, and finds the time of each place, whatever the spans are', () => {
    let seed = 7;
    const random = (): number => (seed = (seed * 16_807) % 2_147_483_647) / 2_147_483_647;
    for (let round = 0; round < 300; round++) {
      const spans = Array.from({ length: Math.floor(random() * 40) }, (): [number, number] => {
        const a = t + random() * D * random();
        return [a, a + random() * (random() < 0.1 ? D : 5 * S)];
      });
      const axis = cutAxis(spans, t, t + D);
      const sum = axis.segments.reduce((total, { w }) => total + w, 0);
      expect(sum).toBeCloseTo(100, 5);
      for (const s of axis.segments) expect(s.w).toBeGreaterThanOrEqual(0);
      let before = -1;
      for (let i = 0; i <= 50; i++) {
        const x = axis.x(t + (D / 50) * i);
        expect(x).toBeGreaterThanOrEqual(before);
        before = x;
        expect(axis.x(axis.at(i * 2))).toBeCloseTo(i * 2, 3);
      }
    }
  });

  test('a run that works all the time is not cut, a part of it fills the width when it is looked at', () => {
    const axis = trueAxis(t, t + 10 * S);
    expect(axis.x(t + 5 * S)).toBe(50);
    const part = zoomed(axis, t + 2 * S, t + 4 * S);
    expect(part.x(t + 3 * S)).toBeCloseTo(50);
    expect(cutAxis([[t, t + 10 * S]], t, t + 10 * S).segments).toHaveLength(1);
  });

  test('marks name whole units, and what is between two in two', () => {
    const ticks = ticksOf(trueAxis(t, t + 80 * S), 900, '02:47:12');
    const texts = ticks.map(({ text }) => blank(text));
    expect(texts).toContain('1 min');
    expect(texts).toContain('1 min 10 s');
  });

  test('marks do not lie over each other', () => {
    const axis = cutAxis([[t, t + 11 * S]], t, t + 11 * S);
    const ticks = ticksOf(axis, 500, '02:47:12');
    const places = ticks.map(({ x }) => x).sort((a, b) => a - b);
    for (let i = 1; i < places.length; i++) expect((places[i] ?? 0) - (places[i - 1] ?? 0)).toBeGreaterThan(5);
    expect(ticks.map(({ text }) => blank(text))).toContain('2 s');
  });
});

describe('the layout of a graph', () => {
  test.each(Object.keys(definitions))('%s: no two members lie over each other, and all lie within', (name) => {
    const definition = definitions[name];
    if (definition === undefined) throw new Error(name);
    for (const slim of [false, true]) {
      const { nodes, width, height, edges } = layoutOf(definition, slim);
      for (const a of nodes) {
        expect(a.x).toBeGreaterThanOrEqual(0);
        expect(a.x + a.w).toBeLessThanOrEqual(width);
        expect(a.y + a.h).toBeLessThanOrEqual(height);
        for (const b of nodes) {
          if (a === b) continue;
          const apart = a.x + a.w <= b.x || b.x + b.w <= a.x || a.y + a.h <= b.y || b.y + b.h <= a.y;
          expect([a.name, b.name, apart]).toEqual([a.name, b.name, true]);
        }
      }
      for (const { d } of edges) expect(d).not.toContain('NaN');
      expect(layoutOf(definition, slim)).toEqual(layoutOf(definition, slim));
    }
  });
});

describe('the tree of a run', () => {
  const treeOf = (journal: Journal) =>
    buildTree(runOf(journal) as unknown as Parameters<typeof buildTree>[0], [...journal.rows]);

  test('a failed step opens to its attempts, what was never reached is there, the rollback comes last', () => {
    const rows = flatten(treeOf(undone), new Map()).map(({ node, depth }) => [
      depth,
      node.name,
      node.status,
      node.note,
    ]);
    expect(rows).toEqual([
      [0, 'validate', 'completed', ''],
      [0, 'reserve', 'completed', 'undone'],
      [0, 'charge', 'failed', '3 attempts'],
      [1, 'attempt 1', 'failed', ''],
      [1, 'attempt 2', 'failed', ''],
      [1, 'attempt 3', 'failed', ''],
      [0, 'ship', 'pending', 'never reached'],
      [0, 'rollback', 'compensated', '1 of 1 undone'],
      [1, 'release', 'compensated', 'undoes reserve, attempt 2'],
    ]);
  });

  test('only the arm that was taken is there, and what is tried again says so', () => {
    const rows = flatten(treeOf(retrying), new Map());
    expect(rows.map(({ node }) => node.name)).not.toContain('bookTrain');
    expect(rows.find(({ node }) => node.id === 'extras.car/bookCar')?.node.status).toBe('retrying');
    expect(rows.find(({ node }) => node.id === 'extras')?.node.note).toBe('parallel, 1 of 2 arms');
  });

  test('a loop of many items is one row', () => {
    const rows = flatten(treeOf(looping), new Map());
    expect(rows.map(({ node }) => [node.kind, node.name])).toEqual([
      ['step', 'segment'],
      ['loop', 'recipients'],
      ['step', 'summary'],
    ]);
  });
});

describe('payloads', () => {
  const value = {
    a: [1, 2],
    b: { c: 'x', 'd-e': null },
    at: { $durable: 'date', v: '2026-11-28T02:00:00.000Z' },
    big: Array.from({ length: 30 }, (_, i) => ({ i })),
  };

  test('each line says where it stands, and the value is found there again', () => {
    const lines = jsonLines(value, () => false);
    const inner = lines.filter(({ path, kind }) => kind !== 'close' && path !== '');
    for (const { path } of inner) expect(valueAt(value, path)).toBeDefined();
    expect(lines.map(({ path }) => path)).toContain('b["d-e"]');
    expect(lines.find(({ path }) => path === 'at')).toMatchObject({
      kind: 'mark',
      type: 'date',
      text: '2026-11-28T02:00:00.000Z',
    });
  });

  test('what is folded is one line', () => {
    expect(jsonLines(value, (path) => path === 'big').filter(({ path }) => path.startsWith('big'))).toEqual([
      expect.objectContaining({ folded: true, size: 30 }),
    ]);
  });

  test('a difference names what was there, what is there, and the objects around it', () => {
    expect(diff({ a: { x: 1, y: 2 }, b: 1 }, { a: { x: 1, y: 3 }, b: 1 })).toEqual([
      { kind: 'same', depth: 0, key: 'a', text: '{' },
      { kind: 'del', depth: 1, key: 'y', text: '2' },
      { kind: 'add', depth: 1, key: 'y', text: '3' },
      { kind: 'same', depth: 0, key: null, text: '}' },
    ]);
    expect(diff({ a: 1 }, { a: 1 })).toEqual([]);
    expect(changes({ a: 1, b: 2 }, { b: 3 }).map(({ kind, text }) => [kind, text])).toEqual([
      ['del', '2'],
      ['add', '3'],
    ]);
    expect(changes({ a: 1 }, null)).toEqual([]);
  });
});

test('frames of a stream are read wherever they are torn', () => {
  const text = ': hello\r\nretry: 2000\n\nevent: many\nid: b.1\ndata: {"a":1,\ndata: "b":2}\n\nid: b.2\ndata: x\n\n';
  const wanted = [
    { event: 'many', id: 'b.1', data: '{"a":1,\n"b":2}' },
    { event: 'message', id: 'b.2', data: 'x' },
  ];
  for (let cut = 0; cut <= text.length; cut++) {
    const reader = new FrameReader();
    expect([...reader.read(text.slice(0, cut)), ...reader.read(text.slice(cut))]).toEqual(wanted);
  }
});

test.each([
  ['retry 019a8f', 'retry', '019a8f'],
  ['pause queue ai', 'pause queue', 'ai'],
  ['pause', 'pause', ''],
  ['retrying', null, 'retrying'],
  ['run now daily', 'run now', 'daily'],
])('the palette reads %s', (text, verb, rest) => expect(parse(text)).toEqual({ verb, rest }));

test('nothing in the pages writes markup, runs text or asks another origin', () => {
  const root = join(import.meta.dirname, '../../lib/dashboard/ui/src');
  const files = readdirSync(root, { recursive: true, withFileTypes: true }).filter(
    (f) => f.isFile() && /\.tsx?$/.test(f.name),
  );
  const found = files.filter((f) =>
    /innerHTML|outerHTML|insertAdjacentHTML|document\.write|dangerouslySet|\beval\(|new Function\(|target="_blank"(?![^>]*noreferrer)/.test(
      readFileSync(join(f.parentPath, f.name), 'utf8'),
    ),
  );
  expect(found.map(({ name }) => name)).toEqual([]);
});

describe('starts over time', () => {
  const series = {
    since: '2026-07-01T00:00:00Z',
    until: '2026-07-31T00:00:00Z',
    lookedTo: null,
    buckets: [
      { at: '2026-07-01T00:00:00Z', started: 1_000, failed: 1 },
      { at: '2026-07-16T00:00:00Z', started: 500, failed: 2 },
    ],
  };

  it('of all that there are nothing is left out', () => {
    expect(uncountedShare(series)).toBe(0);
    expect(seriesSentence(series, String)).toBe('Starts over time: 1\u2009500, of which 3 failed.');
  });

  it('what was not looked at is no time without runs: its share is shaded, and the sentence says so', () => {
    const cut = { ...series, lookedTo: '2026-07-28T00:00:00Z' };
    expect(uncountedShare(cut)).toBeCloseTo(0.9);
    expect(seriesSentence(cut, () => '28 Jul')).toContain('since 28 Jul, those before are not counted: ');
    expect(uncountedShare({ ...cut, lookedTo: '2026-06-01T00:00:00Z' })).toBe(0);
    expect(uncountedShare({ ...cut, lookedTo: '2026-08-01T00:00:00Z' })).toBe(1);
  });
});
