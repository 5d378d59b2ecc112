import type { DiscoveryService } from '@nestjs/core';
import type { SchedulerRegistry } from '@nestjs/schedule';
import type { EngineDeps } from '../engine/worker/engine-deps.js';
import { heartbeatEvery } from '../engine/worker/membership.js';

/** Entry for a loop in the registry: no timer, so that deleting it there stops nothing here. */
interface ListedLoop {
  readonly name: string;
  /** ms */
  readonly interval: number;
}

/**
 * Lists the engine's loops among the intervals of the app's `SchedulerRegistry`, as `nest-durable:<instance>:<loop>`;
 * does nothing where the app has no `ScheduleModule`. Only a list: the loops keep their own timers, since the registry
 * clears all of its own at the shutdown, while runs are still handed back.
 */
export function listLoops(discovery: DiscoveryService, instance: string, deps: EngineDeps): void {
  const registry = registryOf(discovery);
  for (const loop of loopsOf(deps)) {
    const key = `nest-durable:${instance}:${loop.name}`;
    if (registry?.doesExist('interval', key) === false) registry.addInterval<ListedLoop>(key, loop);
  }
}

/** Known by its name: to import the package would load it in each app that has it, and might be another copy of it. */
function registryOf(discovery: DiscoveryService): SchedulerRegistry | undefined {
  const found = discovery.getProviders().find(({ metatype }) => metatype?.name === 'SchedulerRegistry');
  const instance: unknown = found?.instance;
  return isRegistry(instance) ? instance : undefined;
}

function isRegistry(instance: unknown): instance is SchedulerRegistry {
  if (typeof instance !== 'object' || instance === null) return false;
  return 'doesExist' in instance && 'addInterval' in instance;
}

function loopsOf({ settings, jobs }: EngineDeps): ListedLoop[] {
  const { wakeInterval, schedulerInterval, recoveryInterval } = settings;
  return [
    { name: 'waker', interval: wakeInterval },
    { name: 'scheduler', interval: schedulerInterval },
    { name: 'heartbeat', interval: heartbeatEvery(settings) },
    { name: 'recovery', interval: recoveryInterval },
    ...jobs
      .filter(({ isInternal }) => isInternal !== true)
      .map(({ name, interval }) => ({ name: name.toLowerCase(), interval })),
  ];
}
