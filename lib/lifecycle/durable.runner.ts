import { Inject, Injectable, type Logger, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { DiscoveryService } from '@nestjs/core';
import { DatabaseUnavailableError } from '../core/errors/errors.js';
import { read } from '../core/text-of.js';
import { boot } from './boot.js';
import { Closers } from './closers.js';
import { DurableExplorer } from '../workflows/durable.explorer.js';
import { checkInstances } from './instances.js';
import type { DurableHost, DurableRuntime } from './host.js';
import { DurableLauncher, type Launchable } from './durable.launcher.js';
import { ModuleLogger } from '../logging/logger.js';
import type { ResolvedOptions } from '../options/module.js';
import { listLoops } from './scheduler-registry.js';
import { withDeadline } from '../engine/time/deadline.js';

/** The checked options, under one token in the module of each instance. */
export const CHECKED_OPTIONS = Symbol.for('nest-durable.checked-options');

const RUNNER: unique symbol = Symbol.for('nest-durable.runner');

/** ms for the last events at shutdown. */
const LAST_EVENTS = 200;
/** ms that all that was opened gets to close: with the second that the engine takes and LAST_EVENTS less than two seconds. */
const CLOSING = 600;

/** ms after which a call that waits for the boot of an app that was never initialised is told about in the log. */
const READY_PATIENCE = 10_000;

/**
 * One instance of the engine in the app's life:
 *
 * - `onModuleInit`: collect the workflows, connect, migrate, store their definitions. Other modules' hooks come later
 *   and may start runs.
 * - the launcher, once the whole app has bootstrapped: claim.
 * - the launcher, in `onModuleDestroy` and `beforeApplicationShutdown`: claim nothing further, then drain.
 * - `onApplicationShutdown`: close what was opened, the last thing first. Other modules' steps of the shutdown may still
 *   have used the client.
 *
 * Each is safe to call twice; a boot that fails half-way closes what it had opened.
 */
@Injectable()
export class DurableRunner implements DurableHost, Launchable, OnModuleInit, OnApplicationShutdown {
  readonly name: string;
  readonly works: boolean;
  readonly [RUNNER] = true;
  private readonly log: Logger;
  private readonly closers: Closers;
  private readonly booted = new Deferred<DurableRuntime>();
  private booting: Promise<void> | null = null;
  private launching: Promise<void> | null = null;
  private draining: Promise<void> | null = null;
  private runtime: DurableRuntime | null = null;
  private readonly closing = new AbortController();
  private stopping = false;
  /** ms that it has waited for the engine to claim nothing more: a part of `shutdownTimeout`. */
  private spent = 0;
  private isClosed = false;

  constructor(
    @Inject(CHECKED_OPTIONS) readonly options: ResolvedOptions,
    private readonly explorer: DurableExplorer,
    private readonly discovery: DiscoveryService,
    launcher: DurableLauncher,
  ) {
    this.name = options.name;
    this.works = options.workers;
    this.log = new ModuleLogger(options.name);
    this.closers = new Closers((message) => this.log.warn(message));
    launcher.attach(this);
  }

  get closed(): boolean {
    return this.isClosed;
  }

  async ready(): Promise<DurableRuntime> {
    if (this.isClosed) throw this.shutDownError();
    if (this.booting !== null) return this.booted.promise;
    // Nothing boots while the providers are made: a provider that waits here in its factory waits for ever.
    const timer = setTimeout(() => {
      this.log.warn(
        'A call of the client waits for the app to be initialised. Call app.init() or app.listen(), and call the ' +
          "client in onModuleInit() or later, not in a provider's constructor or factory.",
      );
    }, READY_PATIENCE);
    timer.unref();
    return this.booted.promise.finally(() => clearTimeout(timer));
  }

  onModuleInit(): Promise<void> {
    this.booting ??= this.boot();
    return this.booting;
  }

  launch(): Promise<void> {
    // A shutdown may overtake the boot.
    this.launching ??= this.stopping ? Promise.resolve() : this.startEngine();
    return this.launching;
  }

  async quiet(): Promise<void> {
    this.beginToStop();
    const since = performance.now();
    await this.runtime?.engine.quiet();
    this.spent += performance.now() - since;
  }

  drain(): Promise<void> {
    this.beginToStop();
    this.draining ??= this.stopEngine();
    return this.draining;
  }

  async onApplicationShutdown(): Promise<void> {
    if (this.isClosed) return;
    // The connections go only when nobody works with them.
    await this.drain();
    this.isClosed = true;
    this.booted.reject(this.shutDownError());
    await this.closers.closeAll(CLOSING);
  }

  private beginToStop(): void {
    this.stopping = true;
    this.closing.abort();
  }

  private async startEngine(): Promise<void> {
    if (this.runtime === null) return;
    await this.runtime.engine.start();
    this.runtime.launched();
    if (this.works) listLoops(this.discovery, this.name, this.runtime.deps);
  }

  private async stopEngine(): Promise<void> {
    const { shutdownTimeout, abortGrace } = this.options;
    // Their errors went to whoever waits for the app.
    const begun = Promise.allSettled([this.booting, this.launching]);
    await withDeadline(begun, Math.max(0, shutdownTimeout + abortGrace - this.spent));
    await this.runtime?.engine.stop();
    // A server-sent stream that does not end would keep the app's HTTP server from closing.
    if (this.runtime !== null) await withDeadline(this.runtime.events.complete(), LAST_EVENTS);
  }

  private async boot(): Promise<void> {
    try {
      this.checkInstances();
      const runtime = await boot(
        this.options,
        this.explorer.explore(this.name),
        (name) => this.explorer.provides(this.name, name),
        this.closers,
        this.log,
        this.closing.signal,
      );
      this.runtime = runtime;
      this.booted.resolve(runtime);
    } catch (error) {
      this.booted.reject(error);
      await this.closers.closeAll();
      throw error;
    }
  }

  private checkInstances(): void {
    const providers = this.discovery.getProviders();
    const runners = new Set(providers.map((one): unknown => one.instance).filter(isRunner));
    const types = new Set(providers.flatMap(({ metatype }) => (typeof metatype === 'function' ? [metatype] : [])));
    checkInstances(
      [...runners].map(({ name }) => name),
      types,
    );
  }

  private shutDownError(): DatabaseUnavailableError {
    return new DatabaseUnavailableError(
      `The durable module "${this.name}" is shut down: it has no connection any more.`,
    );
  }
}

/** Of another copy of this package too. */
export function isRunner(instance: unknown): instance is DurableRunner {
  return read(instance, RUNNER) === true;
}

class Deferred<T> {
  readonly promise: Promise<T>;
  resolve: (value: T) => void = () => {};
  reject: (error: unknown) => void = () => {};

  constructor() {
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    // Callers get the error; without one it must not end the process.
    this.promise.catch(() => {});
  }
}
