import { LegacyFakeTimers, ModernFakeTimers } from '@jest/fake-timers';

/** Node's own sockets, channels between processes and fetch go by these, as the process's globals are the spec's. */
const KEPT_REAL = ['nextTick', 'queueMicrotask'];

/** Jest's fake timers for the process's own context: Node itself goes on by real time. */
class OneContextTimers extends ModernFakeTimers {
  constructor({ config, global }) {
    // Not the global itself: that one's node:timers, timers/promises and perf_hooks would be replaced as well.
    const alike = new Proxy(global, {
      get: (target, key) => Reflect.get(target, key),
      set: (target, key, value) => Reflect.set(target, key, value),
    });
    super({ config, global: alike });
    this.config = config;
  }

  useFakeTimers(options) {
    const doNotFake = options?.doNotFake ?? this.config.fakeTimers?.doNotFake ?? [];
    super.useFakeTimers({ ...options, doNotFake: [...doNotFake, ...KEPT_REAL] });
  }
}

/** @returns the fields of a jest environment whose global is the process's */
export function fakeTimersFor(config, global, moduleMocker) {
  // What setTimeout gives when it is faked, as in jest-environment-node.
  const timerConfig = {
    idToRef: (id) => ({
      id,
      ref() {
        return this;
      },
      unref() {
        return this;
      },
    }),
    refToId: (timer) => timer?.id,
  };
  return {
    fakeTimers: new LegacyFakeTimers({ config, global, moduleMocker, timerConfig }),
    fakeTimersModern: new OneContextTimers({ config, global }),
  };
}
