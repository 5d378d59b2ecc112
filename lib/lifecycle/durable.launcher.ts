import {
  type BeforeApplicationShutdown,
  Injectable,
  Logger,
  Module,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
} from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';

/** A runner as the launcher sees it: three methods, each safe to call twice. */
export interface Launchable {
  readonly name: string;
  /** True: this process executes runs. */
  readonly works: boolean;
  /** Start claiming. */
  launch(): Promise<void>;
  /** Claim nothing further. */
  quiet(): Promise<void>;
  /** Let running steps finish, then hand the rest back. */
  drain(): Promise<void>;
}

/** ms after the bootstrap: `createApplicationContext` gives the app, on which hooks are enabled, only after it. */
const HOOKS_GRACE = 5_000;

/**
 * Starts the runners of all instances when the whole app has bootstrapped, and stops them before anything else is.
 *
 * Nest runs hooks module by module, farthest from the root first on the way up and last on the way down, and global
 * modules count as farthest: the right place to connect and to close, the wrong one to start claiming, since a step
 * could run before another module's `onApplicationBootstrap` has prepared what it needs. So the launcher has a module
 * of its own, which it sets nearer than the root.
 */
@Injectable()
export class DurableLauncher implements OnApplicationBootstrap, OnModuleDestroy, BeforeApplicationShutdown {
  private readonly runners = new Set<Launchable>();
  private hooksCheck: NodeJS.Timeout | undefined;

  constructor(modules: ModulesContainer) {
    for (const module of modules.values()) {
      // The root has 1. Nest sorts by it once, at the first hook.
      if (module.metatype === DurableLauncherModule) module.distance = -1;
    }
  }

  attach(runner: Launchable): void {
    this.runners.add(runner);
  }

  async onApplicationBootstrap(): Promise<void> {
    await Promise.all([...this.runners].map((runner) => runner.launch()));
    if ([...this.runners].some((runner) => runner.works)) this.checkShutdownHooks();
  }

  async onModuleDestroy(): Promise<void> {
    clearTimeout(this.hooksCheck);
    await Promise.all([...this.runners].map((runner) => runner.quiet()));
  }

  async beforeApplicationShutdown(): Promise<void> {
    await Promise.all([...this.runners].map((runner) => runner.drain()));
  }

  /** Nest does not tell whether its hooks are enabled; without any listener, SIGTERM ends the process on the spot. */
  private checkShutdownHooks(): void {
    if (process.env['NODE_ENV'] === 'test') return;
    this.hooksCheck = setTimeout(() => {
      if (process.listenerCount('SIGTERM') > 0) return;
      new Logger('DurableModule').warn(
        'SIGTERM will end this process in the middle of its steps: call app.enableShutdownHooks() in main.ts, so that ' +
          'they can finish and the other runs are handed to another process at once.',
      );
    }, HOOKS_GRACE);
    this.hooksCheck.unref();
  }
}

/** One for all instances of an app. */
@Module({ providers: [DurableLauncher], exports: [DurableLauncher] })
export class DurableLauncherModule {}
