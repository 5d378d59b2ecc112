import { ConfigurationError } from '../core/errors/errors.js';
import { Faults, given, OptionReader } from '../core/option-reader.js';
import { read } from '../core/text-of.js';

const SOURCES = ['useFactory', 'useClass', 'useExisting'];

/** What Nest calls or goes through, and fails at with an error of its own inside where it is something else. */
const KINDS: Readonly<Record<string, { readonly rule: string; readonly fits: (value: unknown) => boolean }>> = {
  useFactory: { rule: 'a function', fits: (value) => typeof value === 'function' },
  useClass: { rule: 'a class', fits: (value) => typeof value === 'function' },
  imports: { rule: 'an array of modules', fits: Array.isArray },
  inject: { rule: 'an array of tokens', fits: Array.isArray },
};

/**
 * Checks the argument of a module's `forRootAsync()`. Nest would take `nmae` in silence, and say of no factory at all that
 * it cannot resolve `undefined`.
 * @param beside names of the options that may stand beside the factory
 * @throws ConfigurationError with every fault
 */
export function checkAsyncOptions(options: unknown, beside: readonly string[]): void {
  const faults = new Faults();
  const reader = OptionReader.of(faults, '', options);
  if (reader !== null) {
    for (const key of [...SOURCES, ...beside]) reader.take(key);
    const sources = SOURCES.filter((key) => reader.keys().includes(key));
    if (sources.length !== 1) {
      const got = sources.length === 0 ? 'none' : sources.join(' and ');
      faults.add('forRootAsync', `expected one of ${SOURCES.join(', ')}, got ${got}`);
    }
    for (const [key, { rule, fits }] of Object.entries(KINDS)) {
      const value = reader.take(key);
      if (value !== undefined && !fits(value)) reader.expected(key, rule, value);
    }
    reader.refuseOthers();
  }
  if (faults.list.length > 0) throw new ConfigurationError(faults.list);
}

/** The options that the provider of `useClass` or `useExisting` makes. @throws ConfigurationError where it has no `create()` */
export async function optionsMadeBy(factory: unknown): Promise<unknown> {
  const create = read(factory, 'create');
  if (typeof create === 'function') return await create.call(factory);
  const message = `expected a class with a method create(), which gives the options, got ${given(factory)}`;
  throw new ConfigurationError([{ path: 'forRootAsync', message }]);
}
