import { Inject } from '@nestjs/common';
import { getDurableClientToken } from './tokens.js';

/**
 * Injects the `DurableClient` of a named instance. That of `'default'` is also injected by its class alone.
 * Default: `'default'`.
 */
export function InjectDurable(name = 'default'): PropertyDecorator & ParameterDecorator {
  return Inject(getDurableClientToken(name));
}
