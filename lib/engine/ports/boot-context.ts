import { AsyncLocalStorage, AsyncResource } from 'node:async_hooks';

/**
 * The async context that the instance booted in. The engine works in it whoever asked for the work, and enters all code
 * of the user's from it: neither a request's `AsyncLocalStorage` nor what other code of the user's did with `enterWith`
 * gets into a step. Three doors, and no way around them:
 * - what a workflow's class gives beside its methods comes from the registry, which wraps it (`run`);
 * - an attempt has a context of its own (`fork`, in StepScope);
 * - whatever user code or an app may call of the engine is guarded (`guard`), or leaves by StepScope.
 */
export class BootContext {
  private readonly snapshot = AsyncLocalStorage.snapshot();

  /** A context of its own that begins as this one, with what `within` puts around. */
  fork(within: (make: () => AsyncResource) => AsyncResource = call): AsyncResource {
    return this.snapshot(within, newResource);
  }

  /** Does work in a fork: before Node 24 `enterWith` in it would otherwise change the snapshot itself. */
  run<T>(work: () => T): T {
    return this.fork().runInAsyncScope(work);
  }

  /** The function, always called in this context. */
  bind<A extends unknown[], R>(work: (...args: A) => R): (...args: A) => R {
    return (...args) => this.run(() => work(...args));
  }

  /** The object, its methods bound. */
  guard<T extends object>(object: T): T {
    const bound = new Map<PropertyKey, unknown>();
    return new Proxy(object, {
      get: (target, key) => {
        const value: unknown = Reflect.get(target, key, target);
        if (typeof value !== 'function') return value;
        if (!bound.has(key))
          bound.set(
            key,
            this.bind((...args: unknown[]): unknown => Reflect.apply(value, target, args)),
          );
        return bound.get(key);
      },
    });
  }
}

function newResource(): AsyncResource {
  return new AsyncResource('nest-durable');
}

function call<T>(work: () => T): T {
  return work();
}
