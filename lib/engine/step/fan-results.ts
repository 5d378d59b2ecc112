import { decode } from '../../core/codec/codec.js';
import type { SettledResult } from '../../core/run/results.js';
import type { ArmResult, ResultsRef } from '../../core/run/run-state.js';
import type { StoredError } from '../../core/errors/stored-error.js';
import type { RunValues } from './run-values.js';
import type { FanResults } from './scope.js';

/** The results that a reference names, as the collector and `parallelResults()` see them. They must be loaded. */
export function settledResults(ref: ResultsRef, values: RunValues): FanResults {
  if ('record' in ref) {
    const data = decode(values.get(ref.record)) as Record<string, FanResults | undefined>;
    return data['__results__'] ?? [];
  }
  if ('items' in ref) return ref.items.map((result) => settled(result, values));
  return Object.fromEntries(Object.entries(ref.arms).map(([key, result]) => [key, settled(result, values)]));
}

function settled(result: ArmResult, values: RunValues): SettledResult {
  if (typeof result === 'object' && 'failed' in result) {
    return { status: 'rejected', reason: decode(values.error(result.failed)) as StoredError };
  }
  return { status: 'fulfilled', value: decode(values.get(result)) };
}
