import { ConsoleLogger, Logger } from '@nestjs/common';
import { expect, jest } from '@jest/globals';
import { tmpdir } from 'node:os';
import { NestOutput } from './nest-output.mjs';
import { ProcessState } from './process-state.mjs';

it('puts back what a spec file changed of globals, process.env, the folder and signal handlers', () => {
  process.env['SPEC_CHANGED'] = 'before';
  const state = new ProcessState();
  const { setTimeout: timer } = globalThis;
  const folder = process.cwd();
  const symbol = Symbol.for('spec.made');
  const handler = (): void => {};
  Object.assign(globalThis, { setTimeout: () => 0, specMade: 1, [symbol]: 2 });
  Reflect.deleteProperty(globalThis, 'structuredClone');
  Object.assign(process.env, { SPEC_CHANGED: 'after', SPEC_MADE: '1' });
  process.chdir(tmpdir());
  process.on('SIGUSR2', handler);
  state.restore();
  expect(globalThis.setTimeout).toBe(timer);
  expect(globalThis.structuredClone).toBeInstanceOf(Function);
  expect(Reflect.ownKeys(globalThis).filter((key) => key === 'specMade' || key === symbol)).toEqual([]);
  expect([process.env['SPEC_CHANGED'], process.env['SPEC_MADE']]).toEqual(['before', undefined]);
  expect(process.cwd()).toBe(folder);
  expect(process.listeners('SIGUSR2')).not.toContain(handler);
  delete process.env['SPEC_CHANGED'];
});

it('puts back how the process itself looks, and globals that Node makes when they are first read', () => {
  const { performance: clock, Headers: headers } = globalThis;
  const state = new ProcessState();
  const { exitCode, title, platform, argv, version } = process;
  const given = [...argv];
  Object.assign(globalThis, { performance: { now: () => 0 }, Headers: class {}, BroadcastChannel: class Mine {} });
  process.exitCode = 3;
  process.title = 'spec';
  argv.push('--spec');
  process.argv = ['spec'];
  for (const name of ['platform', 'version'] as const) Object.defineProperty(process, name, { value: 'spec' });
  state.restore();
  expect([globalThis.performance, globalThis.Headers]).toEqual([clock, headers]);
  expect(globalThis.BroadcastChannel.name).toBe('BroadcastChannel');
  expect([process.exitCode, process.title]).toEqual([exitCode, title]);
  expect([process.platform, process.version]).toEqual([platform, version]);
  expect(process.argv).toBe(argv);
  expect(argv).toEqual(given);
});

it('takes matchers and equality testers away, keeps those of jest, and writes errors as before', () => {
  const state = new ProcessState();
  const { stackTraceLimit, prepareStackTrace } = Error;
  expect.extend({
    toBeOfSpec: () => ({ pass: true, message: () => '' }),
    toBe: () => ({ pass: true, message: () => '' }),
  });
  expect.addEqualityTesters([() => true]);
  Error.stackTraceLimit = 0;
  Error.prepareStackTrace = () => 'spec';
  state.restore();
  expect(() => Object(expect(1)).toBeOfSpec()).toThrow('toBeOfSpec is not a function');
  expect(() => expect(1).toBe(2)).toThrow('Expected: 2');
  expect([1]).not.toEqual([2]);
  expect([Error.stackTraceLimit, Error.prepareStackTrace]).toEqual([stackTraceLimit, prepareStackTrace]);
});

it("puts Nest's logger back, its levels in loggers that are there already as well", () => {
  const write = jest.spyOn(process.stdout, 'write').mockReturnValue(true);
  const early = new Logger('early');
  early.log('first');
  const state = new ProcessState();
  Logger.overrideLogger(['error']);
  early.log('too low');
  Logger.overrideLogger(false);
  Logger.attachBuffer();
  early.log('kept');
  state.restore();
  early.log('then');
  new Logger('late').log('of a late one');
  Logger.log('of the class');
  const said = ['first', 'then', 'of a late one', 'of the class'];
  const written = write.mock.calls.map(([chunk]) => String(chunk)).join('');
  write.mockRestore();
  expect(written.match(/first|too low|kept|then|of a late one|of the class/g)).toEqual(said);
});

it.each([
  ['shows what Nest wrote where a test has failed', true],
  ['keeps it to itself where none has', false],
])('%s', (_, isWanted) => {
  const written: string[] = [];
  const keep = (chunk: unknown): boolean => written.push(String(chunk)) > 0;
  const spies = [process.stdout, process.stderr].map((stream) => jest.spyOn(stream, 'write').mockImplementation(keep));
  const output = new NestOutput();
  new ConsoleLogger('spec').error('broken', 'Error: broken\n    at spec.ts:1:1');
  process.stdout.write('of somebody else\n');
  expect(written).toEqual(['of somebody else\n']);
  output.end(isWanted);
  for (const spy of spies) spy.mockRestore();
  expect(written.join('')).toMatch(isWanted ? /\[Nest\] .*broken[^]*at spec\.ts:1:1/ : /^of somebody else\n$/);
});
