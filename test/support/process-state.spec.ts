import { ConsoleLogger } from '@nestjs/common';
import { jest } from '@jest/globals';
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
