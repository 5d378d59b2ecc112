import type { Logger } from '@nestjs/common';
import { decode, encode } from './core/codec.js';
import { DefinitionError } from './core/errors.js';
import type { WorkflowBinding } from './durable.explorer.js';
import type { Registry } from './engine/registry.js';
import type { PgSchedules } from './storage/schedules.js';

/**
 * Stores what the classes' `@Schedule()`s say, and takes those out of service that they no longer have.
 * @throws DefinitionError for an input that is larger than a run may have
 */
export async function declareSchedules(
  schedules: PgSchedules,
  registry: Registry,
  bindings: readonly WorkflowBinding[],
  maxBytes: number,
  log: Logger,
): Promise<void> {
  for (const binding of bindings) {
    for (const { name, settings } of binding.schedules) {
      const input = decode(settings.input);
      try {
        encode(input, { maxBytes, what: 'input' });
      } catch (cause) {
        const why = cause instanceof Error ? cause.message : String(cause);
        throw new DefinitionError(`${binding.className} @Schedule(): ${why}`, { cause });
      }
      // Only a warning: a check may ask what is not there yet, and says itself when a run is to be started.
      await registry
        .byName(binding.definition.name)
        ?.validateInput?.(input)
        .catch((error: unknown) => {
          const why = error instanceof Error ? error.message : String(error);
          log.warn(`Schedule "${name}" of ${binding.className} will not be able to start its runs. ${why}`);
        });
    }
  }
  await schedules.declare(
    bindings.flatMap((binding) => binding.schedules),
    bindings.map(({ definition }) => definition.name),
  );
}
