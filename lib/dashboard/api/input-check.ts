import { InvalidInputError, schemaViolations } from '../durable.js';
import type { Call } from '../http/call.js';

/**
 * Checks an input by the schema that is stored with its workflow, where this process has not the class, which checks
 * better. The class has its say when the run is claimed.
 * @throws InvalidInputError with the violations by field
 */
export async function checkInput(call: Call, workflow: string, input: unknown): Promise<void> {
  const schema = await call.services.looks.foreignSchema(workflow);
  const violations = schema === null ? [] : schemaViolations(schema, input);
  if (violations.length > 0) throw new InvalidInputError(`The input of workflow "${workflow}"`, violations);
}
