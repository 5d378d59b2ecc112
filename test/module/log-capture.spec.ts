import { ConsoleLogger, Logger } from '@nestjs/common';
import type { LogLine } from '../../lib/core/run/log-entry.js';
import { compileRedaction, NO_REDACTION } from '../../lib/core/redact/redact.js';
import { BootContext } from '../../lib/engine/ports/boot-context.js';
import { captureLogs } from '../../lib/logging/log-capture.js';
import { ModuleLogger } from '../../lib/logging/logger.js';
import { type LogSettings, StepLog } from '../../lib/engine/step/log.js';
import { type ScopeHost, StepScope } from '../../lib/engine/step/scope.js';

const settings: LogSettings = {
  levels: new Set(['fatal', 'error', 'warn', 'log', 'debug', 'verbose']),
  maxEntries: 100,
  maxMessageLength: 1_000,
  maxBytes: 100_000,
  console: true,
  passthrough: true,
  metadata: ['id'],
  redact: NO_REDACTION,
};
const printed: unknown[][] = [];
const note = (...args: unknown[]): void => void printed.push(args);
const service = { log: note, warn: note, error: note, debug: note, verbose: note, fatal: note };
const own = { ...console };
let release = (): void => {};

beforeEach(() => {
  for (const method of ['log', 'trace', 'dir', 'error', 'warn'] as const) console[method] = note;
  Logger.overrideLogger(service);
  printed.length = 0;
  release = captureLogs();
});

afterEach(() => {
  release();
  Object.assign(console, own);
  Logger.overrideLogger(new ConsoleLogger());
});

/** What of the lines is kept while `work` runs in a step. */
function kept(work: (scope: StepScope) => void, more: Partial<LogSettings> = {}): LogLine[] {
  const lines: LogLine[] = [];
  const log = new StepLog({ ...settings, ...more }, { now: () => 0 }, null);
  log.add = (line) => void lines.push(line);
  const host = { context: new BootContext(), newLog: () => log } as Partial<ScopeHost> as ScopeHost;
  const scope = new StepScope(host, { step: 's', attempt: 1, data: '{}', manager: null, waits: null });
  scope.run(() => work(scope));
  return lines;
}

const line = (level: string, message: string, context?: string, metadata?: object) => ({
  level, message, ...(context && { context }), ...(metadata && { metadata }),
}); // prettier-ignore

describe("Nest's loggers", () => {
  it.each<[string, (logger: Logger) => void, object]>([
    ['a context of its own', (l) => l.log('m'), line('log', 'm', 'Own')],
    ['further messages', (l) => l.log('m', 'n', 5), line('log', 'm n 5', 'Own')],
    ['objects', (l) => l.log('m', { id: 1, x: 2 }, { id: 3 }), line('log', 'm', 'Own', { id: 3 })],
    ['an object as the message', (l) => l.warn({ id: 1 }), line('warn', '{ id: 1 }', 'Own', { id: 1 })],
    ['a stack', (l) => l.error('m', 'any text'), line('error', 'm\nany text', 'Own')],
    ['static, a context', () => Logger.log('m', 'C'), line('log', 'm', 'C')],
    ['static, stack and context', () => Logger.error('m', 's', 'C'), line('error', 'm\ns', 'C')],
    ['static, context alone', () => Logger.error('m', 'C'), line('error', 'm', 'C')],
    ['static, a stack alone', () => Logger.error('m', 'E\n  at f (a:1:2)'), line('error', 'm\nE\n  at f (a:1:2)')],
    ['a class', (l) => l.log(StepLog, 'x'), line('log', 'StepLog x', 'Own')],
  ])('say %s', (_, work, expected) => {
    const [found, ...more] = kept(() => work(new Logger('Own')));
    expect(found).toEqual(expected);
    expect(more).toEqual([]);
    expect(printed).toHaveLength(1);
  });

  it('say an error with its stack', () => {
    const [found] = kept(() => new Logger().error(new Error('broken')));
    expect(found?.message).toMatch(/^Error: broken\n\s+at /);
  });

  it('are asked once for a message that is made when it is wanted', () => {
    let made = 0;
    const lines = kept(() => new Logger('Own').debug(() => `made ${++made}`));
    expect(lines).toEqual([line('debug', 'made 1', 'Own')]);
    const [message] = printed[0] ?? [];
    expect((message as () => string)()).toBe('made 1');
  });

  it('are heard when they are a ConsoleLogger of the app, once for what it hands on', () => {
    class Mine extends ConsoleLogger {
      override log(message: unknown): void {
        super.log(`mine: ${String(message)}`);
      }
    }
    const lines = kept(() => new Mine('Own', { forceConsole: true, colors: false }).log('m'));
    expect(lines).toEqual([line('log', 'mine: m', 'Own')]);
    expect(printed).toHaveLength(1);
  });

  it('print what is not kept, and it is not kept further down either', () => {
    Logger.overrideLogger({ ...service, debug: (message: unknown) => console.log(message) });
    expect(kept(() => new Logger().debug('m'), { levels: new Set(['log']), passthrough: false })).toEqual([]);
    expect(printed).toEqual([['m']]);
  });
});

describe('console', () => {
  it('is kept as it is printed', () => {
    const lines = kept(() => {
      console.log('%s is %d', 'a', 1, { id: 4 });
      console.dir({ a: { b: 1 } }, { depth: 0 });
      console.trace('here');
      console.error(new Error('e').message);
    });
    expect(lines).toEqual([
      line('log', 'a is 1 { id: 4 }', undefined, { id: 4 }),
      line('log', '{ a: [Object] }'),
      line('debug', 'Trace: here'),
      line('error', 'e'),
    ]);
    expect(printed).toHaveLength(4);
  });

  it('may be given what throws when it is looked at', () => {
    const bad = { [Symbol.for('nodejs.util.inspect.custom')]: () => { throw new Error('never'); } }; // prettier-ignore
    expect(kept(() => console.log(bad))).toEqual([line('log', '[could not be shown: never]')]);
    expect(printed).toHaveLength(1);
  });

  it('is silent where it is to be, for what is kept', () => {
    expect(kept(() => console.log('m'), { passthrough: false })).toHaveLength(1);
    expect(kept(() => console.log('n'), { passthrough: false, console: false })).toEqual([]);
    expect(printed).toEqual([['n']]);
  });
});

describe('what is not to be kept', () => {
  const redact = compileRedaction(['card', 'user.pin', '**.iban']);
  class User {
    constructor(readonly pin: string) {}
  }
  const secret = { id: 1, card: 'hunter2', user: new User('hunter2'), deep: [{ iban: 'hunter2' }] };
  const text = "{ id: 1, card: '[redacted]', user: User { pin: '[redacted]' }, deep: [ { iban: '[redacted]' } ] }";
  const flat = (message: string | undefined): string => message?.replaceAll(/\s+/g, ' ') ?? '';

  it('is hidden in each object before it is formatted, and printed as it was given', () => {
    const lines = kept(
      () => {
        const logger = new Logger('Own');
        logger.log(secret);
        logger.log(() => secret);
        logger.log('said', secret, 'and');
        logger.error('failed', secret, Object.assign(new Error('no'), { card: 'hunter2' }));
        console.log('%o %j', secret, secret);
        console.log(secret, { deep: secret.deep });
        console.dir(secret, { depth: 9 });
        console.trace(secret);
      },
      { redact, metadata: ['id', 'card', 'deep'] },
    );
    expect(JSON.stringify(lines)).not.toContain('hunter2');
    expect(flat(lines[0]?.message)).toBe(text);
    expect(flat(lines[1]?.message)).toBe(text);
    expect(lines[2]).toMatchObject({
      message: 'said and', metadata: { id: 1, card: '[redacted]', deep: [{ iban: '[redacted]' }] },
    }); // prettier-ignore
    expect(flat(lines[3]?.message)).toMatch(/^failed Error: no at .*card: '\[redacted\]'/);
    expect(flat(lines[6]?.message)).toBe(text);
    expect(flat(lines[7]?.message)).toBe(`Trace: ${text}`);
    expect(printed).toHaveLength(8);
    expect(printed[0]?.[0]).toBe(secret);
  });

  it('is text too where a path hides it all, but not what was said as text', () => {
    const lines = kept(() => console.log('%s: %j', 'said', { a: 1 }), { redact: compileRedaction(['**']) });
    expect(lines).toEqual([line('log', `said: "[redacted]"`)]);
  });

  it('may be in what cannot be looked through', () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    const lines = kept(() => console.log('it is', proxy), { redact, metadata: [] });
    expect(lines).toEqual([line('log', expect.stringMatching(/^it is \[could not be shown: /) as never)]);
  });
});

it('is not kept outside of steps, in an attempt that was given up, nor where the module itself speaks', () => {
  console.log('outside');
  const lines = kept((scope) => {
    new ModuleLogger('default').warn('the module');
    console.log('in');
    scope.giveUp(new Error('given up'));
    console.log('late');
  });
  expect(lines).toEqual([line('log', 'in')]);
  expect(printed.map(([message]) => message)).toEqual(['outside', 'the module', 'in', 'late']);
});

it('lets others set wrappers before and after it, and leaves theirs', () => {
  const ours = console.log;
  const seen: unknown[] = [];
  const theirs = (...args: unknown[]): void => {
    seen.push(args[0]);
    ours(...args);
  };
  console.log = theirs;
  expect(kept(() => console.log('m'))).toHaveLength(1);
  const second = captureLogs();
  release();
  release();
  expect(kept(() => console.log('m'))).toHaveLength(1);
  second();
  expect(console.log).toBe(theirs);
  expect(console.error).toBe(note);
  expect(kept(() => console.log('m'))).toEqual([]);
  // Ours is still below theirs, and only hands on.
  expect(seen).toHaveLength(3);
  expect(printed).toHaveLength(3);
  const again = captureLogs();
  expect(kept(() => console.log('m'))).toHaveLength(1);
  again();
});
