import { didYouMean } from '../core/did-you-mean.js';
import { ConfigurationError, DefinitionError } from '../core/errors/errors.js';
import { workflowOptions } from '../decorators/workflow-options.js';

/**
 * Checks the instances of an app against each other and against its workflows.
 * @throws ConfigurationError for two of one name: both would run each workflow, and only one of them could be injected
 * @throws DefinitionError for a workflow of an instance that there is not: it would never run
 */
export function checkInstances(names: readonly string[], providers: Iterable<Function>): void {
  const twin = names.find((name, index) => names.indexOf(name) !== index);
  if (twin !== undefined) {
    const message =
      `expected a name of its own for each DurableModule, got two of '${twin}'; ` +
      'import the module once (it is global), or give the second a name';
    throw new ConfigurationError([{ path: 'name', message }]);
  }
  const faults: string[] = [];
  for (const type of providers) {
    const options = workflowOptions(type);
    const instance = options?.instance ?? 'default';
    if (options === null || names.includes(instance)) continue;
    faults.push(
      `${type.name}: there is no DurableModule of the name '${instance}', which runs it.${didYouMean(instance, names)} ` +
        `Say @Workflow({ instance: '${names[0]}' }), or import DurableModule.forRoot({ name: '${instance}' }).`,
    );
  }
  if (faults.length > 0) throw new DefinitionError(faults.join('\n'));
}
