import { render } from '../../lib/cli/output/text.js';
import { treeLines } from '../../lib/cli/runs/tree-lines.js';
import type { StepRecord } from '../../lib/core/run/execution.js';

const AT = new Date('2026-03-01T12:00:00Z');

function record(path: string, more: Partial<StepRecord> = {}): StepRecord {
  return {
    step: path.split('/').at(-1) ?? path, path, type: 'step', round: 1, visit: 1, attempt: 1, status: 'completed', input: null,
    output: null, error: null, startedAt: AT, completedAt: AT, durationMs: 7, isCompensation: false, compensationFor: null,
    childId: null, ...more,
  }; // prettier-ignore
}

const failed = { status: 'failed' as const, error: { name: 'E', message: 'no' } };
const lines = (records: readonly StepRecord[], goesOn: boolean): string[] =>
  treeLines(records, AT.getTime(), goesOn).map((line) => render(line, false).trimEnd());

it('a step that is tried again has another sign than one that has failed for good, also while the run goes on', () => {
  const records = [
    record('all', { type: 'forEach' }),
    record('all[0]/send', failed),
    record('all[1]/send', { ...failed, retryAt: AT }),
  ];
  expect(lines(records, true).map((line) => line.trim()[0])).toEqual(['✗', '✗', '↻']);
  expect(lines(records, false).map((line) => line.trim()[0])).toEqual(['✗', '✗', '✗']);
});

it('what a visit has recorded with once() stands in its line, of all its attempts', () => {
  const once = (name: string) => ({ once: [{ name, value: undefined }] });
  const records = [
    record('pay', { ...failed, ...once('of the first visit') }),
    record('pay', { visit: 2, ...failed, retryAt: AT, ...once('key') }),
    record('pay', { visit: 2, attempt: 2, ...once('charge') }),
  ];
  expect(lines(records, true)).toEqual([expect.stringMatching(/^ {2}✓ pay .* {2}once key, charge$/)]);
});

it('what a step is in that is tried again has not failed, as long as the run goes on', () => {
  const records = [
    record('route', { type: 'branch' }),
    record('route.home/all', { type: 'forEach' }),
    record('route.home/all[0]/send', { ...failed, retryAt: AT }),
    record('route.home/all[1]/send'),
  ];
  expect(lines(records, true).map((line) => line.trim()[0])).toEqual(['◷', '◷', '◷', '↻', '✓']);
  expect(lines(records, false).map((line) => line.trim()[0])).toEqual(['✗', '✗', '✗', '✗', '✓']);
  const many = Array.from({ length: 30 }, (_, n) => record(`all[${n}]/send`, n < 2 ? { ...failed, retryAt: AT } : {}));
  expect(lines([record('all', { type: 'forEach' }), ...many], true)[0]).toContain('30 items: 2 waiting, 28 completed');
});
