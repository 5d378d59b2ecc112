/*
 * Injection tokens of a module instance. They are strings for every name, 'default' included, so that decorators need
 * not import the classes they stand for; the module provides those of 'default' by their class as well.
 */

/** Token of the `DurableClient` of a named instance. Default: `'default'`. */
export function getDurableClientToken(name = 'default'): string {
  return `DURABLE_CLIENT:${name}`;
}

/** Token of the `DurableQueues` of a named instance. Default: `'default'`. */
export function getDurableQueuesToken(name = 'default'): string {
  return `DURABLE_QUEUES:${name}`;
}

/** Token of the `DurableEvents` of a named instance. Default: `'default'`. */
export function getDurableEventsToken(name = 'default'): string {
  return `DURABLE_EVENTS:${name}`;
}

/** Token of the `DurableHealthIndicator` of a named instance. Default: `'default'`. */
export function getDurableHealthIndicatorToken(name = 'default'): string {
  return `DURABLE_HEALTH:${name}`;
}

/** Token of the checked options of a named instance. Default: `'default'`. */
export function getDurableOptionsToken(name = 'default'): string {
  return `DURABLE_OPTIONS:${name}`;
}

/** Token of what boots and stops a named instance. Default: `'default'`. */
export function getDurableRunnerToken(name = 'default'): string {
  return `DURABLE_RUNNER:${name}`;
}
