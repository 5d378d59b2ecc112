import type { Logger } from '@nestjs/common';
import { decode, encode } from '../core/codec/codec.js';
import { toStoredError } from '../core/codec/error-record.js';
import { DefinitionError } from '../core/errors/errors.js';
import type { Redaction } from '../core/redact/redact.js';
import type { StoredError } from '../core/errors/stored-error.js';
import { textOf } from '../core/text-of.js';
import type { WorkflowBinding } from '../workflows/durable.explorer.js';
import type { ResolvedOptions } from '../options/module.js';
import type { Registry } from '../engine/ports/registry.js';
import type { ScheduleStore } from '../engine/ports/store.js';
import type { PgDeclarations } from '../storage/schedules/declarations.js';

/**
 * Stores what the classes' `@Schedule()`s say, and the schemas of their inputs.
 * @param schemas by the class of the workflow
 * @returns the numbers of the declarations
 * @throws DefinitionError for an input that is larger than a run may have, and a name that is another workflow's
 */
export async function declareSchedules(
  declarations: PgDeclarations,
  registry: Registry,
  bindings: readonly WorkflowBinding[],
  schemas: ReadonlyMap<unknown, object | null>,
  { maxPayloadBytes: maxBytes, redact }: Pick<ResolvedOptions, 'maxPayloadBytes' | 'redact'>,
  log: Logger,
): Promise<number[]> {
  for (const binding of bindings) {
    for (const { name, settings } of binding.schedules) {
      const input = decode(settings.input);
      try {
        encode(input, { maxBytes, what: 'input' });
      } catch (cause) {
        const why = textOf(cause);
        throw new DefinitionError(`${binding.className} @Schedule(): ${why}`, { cause });
      }
      // Only a warning: a check may ask what is not there yet, and says itself when a run is to be started.
      await registry
        .byName(binding.definition.name)
        ?.validateInput?.(input)
        .catch((error: unknown) => {
          const { message: why } = redact.error(toStoredError(error));
          log.warn(`Schedule "${name}" of ${binding.className} will not be able to start its runs. ${why}`);
        });
    }
  }
  return declarations.declareSchedules(
    bindings.map(({ definition: { name }, type, schedules }) => ({
      workflow: name,
      definitionId: registry.byName(name)?.definitionId ?? 0,
      schedules,
      inputSchema: schemas.get(type) ?? null,
    })),
  );
}

/** The scheduler logs why a start has failed, and reads it nowhere else: it hears what may be shown. */
export function withRedaction(store: ScheduleStore, redact: Redaction): ScheduleStore {
  return {
    async fireSchedules(workflows, leaveAlone, plan) {
      const { fired, ...rest } = await store.fireSchedules(workflows, leaveAlone, plan);
      const shown = fired.map((one) =>
        one.error === null ? one : { ...one, error: encode(redact.error(decode(one.error) as StoredError)) },
      );
      return { ...rest, fired: shown };
    },
  };
}
