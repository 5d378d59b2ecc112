/** What the dashboard takes from the rest of the package: the one place that names where it is. */
export { decode, encode } from '../core/codec/codec.js';
export { didYouMean } from '../core/did-you-mean.js';
export { isDurableError, type Violation } from '../core/errors/durable-error.js';
export { ConfigurationError, InvalidInputError } from '../core/errors/errors.js';
export { Faults, given, isObject, listOf, OptionReader } from '../core/option-reader.js';
export { read, textOf } from '../core/text-of.js';
export { isUuid } from '../core/uuid.js';
export type { DurableHost } from '../lifecycle/host.js';
export { packageVersion } from '../telemetry/version.js';
