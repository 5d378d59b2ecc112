import { parseLogText } from '../../lib/core/run/log-entry.js';
import { NO_REDACTION } from '../../lib/core/redact/redact.js';
import { type LogSettings, StepLog } from '../../lib/engine/step/log.js';
import type { LogMark } from '../../lib/core/run/run-state.js';

const settings: LogSettings = {
  levels: new Set(['log']),
  maxEntries: 5,
  maxMessageLength: 20,
  maxBytes: 10_000,
  console: true,
  passthrough: true,
  metadata: [],
  redact: NO_REDACTION,
};
let time = 1_000;

function pass(messages: readonly string[], before: LogMark | null = null, more: Partial<LogSettings> = {}): StepLog {
  const log = new StepLog({ ...settings, ...more }, { now: () => time++ }, before);
  for (const message of messages) log.add({ level: 'log', message });
  return log;
}

const said = (text: string | null | undefined): string[] =>
  text ? parseLogText(text).map(({ message, dropped }) => (dropped ? `${message} +${dropped}` : message)) : [];

it('is stored as it was said, whatever characters and values are in it', () => {
  const log = pass(['a\nb', '\u0000\ud800']);
  const metadata = { at: new Date(5), big: 7n, f: () => 1, loop: {} as { it?: unknown } };
  metadata.loop.it = metadata.loop;
  log.add({ level: 'log', message: 'm', context: 'C', metadata });
  const lines = parseLogText(log.text() ?? '');
  expect(lines.map(({ message }) => message)).toEqual(['a\nb', '\u0000\ud800', 'm']);
  expect(lines[2]).toMatchObject({ level: 'log', context: 'C', metadata: { at: new Date(5), big: 7n } });
  expect(lines[2]?.metadata?.['f']).toMatch(/^\[not stored: /);
  expect(lines[2]?.metadata?.['loop']).toMatch(/^\[not stored: /);
});

it('has no text where nothing was said', () => {
  expect(pass([]).text()).toBeNull();
  expect(pass([]).leave()).toBeNull();
});

it('keeps the first lines, whole, up to each limit', () => {
  expect(said(pass(['1', '2', '3', '4', '5', '6', '7']).text())).toEqual(['1', '2', '3', '4', '5 +2']);
  expect(said(pass(['x'.repeat(20), 'x'.repeat(21)]).text())).toEqual(['x'.repeat(20), `${'x'.repeat(19)}…`]);
  // What fits again after a line that did not is dropped too.
  expect(said(pass(['1', 'x'.repeat(20), '2'], null, { maxBytes: 80 }).text())).toEqual(['1 +2']);
  const large = pass([], null, { maxBytes: 100 });
  large.add({ level: 'log', message: 'm', metadata: { x: 'x'.repeat(100) } });
  expect(parseLogText(large.text() ?? '')).toEqual([{ time: expect.any(Number), level: 'log', message: 'm' }]);
});

it('never goes back in time', () => {
  const times = [5, 3, 9];
  const log = new StepLog(settings, { now: () => times.shift() ?? 0 }, null);
  for (const message of ['a', 'b', 'c']) log.add({ level: 'log', message });
  expect(parseLogText(log.text() ?? '').map((line) => line.time)).toEqual([5, 5, 9]);
});

it('stores what a later pass says again once, and its limits are those of all passes', () => {
  const first = pass(['a', 'once', 'b']).leave();
  expect(said(first?.text)).toEqual(['a', 'once', 'b']);
  const second = pass(['a', 'b', 'c'], first?.mark).leave();
  expect(said(second?.text)).toEqual(['c']);
  const third = pass(['a', 'b', 'c', 'a', 'd', 'e'], second?.mark);
  expect(said(third.text())).toEqual(['a +2']);
  expect(pass(['a', 'b', 'c'], second?.mark).text()).toBeNull();
});

it('stores a line that is said once more than before', () => {
  const first = pass(['poll']).leave();
  const second = pass(['poll', 'poll'], first?.mark).leave();
  expect(said(second?.text)).toEqual(['poll']);
  expect(said(pass(['poll', 'poll', 'poll'], second?.mark).text())).toEqual(['poll']);
});
