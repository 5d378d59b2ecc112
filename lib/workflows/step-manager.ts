import type { EntityManager } from 'typeorm';
import { stepManager as managerOfStep } from '../engine/step/step-functions.js';

/**
 * The TypeORM EntityManager of the transaction that also records this step: its writes and the record commit together
 * or not at all. Works in a step or a compensation with `transactional: true`.
 *
 * @throws StepUsageError (`NOT_TRANSACTIONAL`) in any other
 */
export function stepManager<M = EntityManager>(): M {
  return managerOfStep<M>();
}
