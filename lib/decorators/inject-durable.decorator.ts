import { Inject } from '@nestjs/common';
import { getDurableClientToken } from './tokens.js';

/**
 * Injects the `DurableClient` of a named instance. That of `'default'` is also injected by its class alone.
 *
 * @param name of the module's instance; default: `'default'`
 * @example
 * ```ts
 * @Injectable()
 * export class Orders {
 *   constructor(@InjectDurable('billing') private readonly client: DurableClient) {}
 * }
 * ```
 */
export function InjectDurable(name = 'default'): PropertyDecorator & ParameterDecorator {
  return Inject(getDurableClientToken(name));
}
