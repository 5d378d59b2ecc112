/** Stores of metadata about classes of lib/ and of packages, which outlive a spec file. */
const KEPT = new Set(['typeormMetadataArgsStorage', 'classValidatorMetadataStorage']);
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR2'];

/** What spec files change of the process that they share, as it is now: globals, `process.env`, the folder, signal handlers. */
export class ProcessState {
  globals = descriptorsOf(globalThis);
  process = descriptorsOf(process);
  env = { ...process.env };
  folder = process.cwd();
  handlers = new Map(SIGNALS.map((signal) => [signal, new Set(process.rawListeners(signal))]));

  restore() {
    restoreProperties(globalThis, this.globals);
    restoreProperties(process, this.process, ['exit', 'getBuiltinModule', 'emitWarning', 'kill', 'hrtime', 'nextTick']);
    for (const name of Object.keys(process.env)) if (!(name in this.env)) delete process.env[name];
    for (const [name, value] of Object.entries(this.env)) if (process.env[name] !== value) process.env[name] = value;
    if (process.cwd() !== this.folder) process.chdir(this.folder);
    for (const [signal, kept] of this.handlers)
      for (const handler of process.rawListeners(signal)) if (!kept.has(handler)) process.off(signal, handler);
  }
}

function descriptorsOf(object) {
  return new Map(Reflect.ownKeys(object).map((key) => [key, Object.getOwnPropertyDescriptor(object, key)]));
}

function restoreProperties(object, before, names = Reflect.ownKeys(object)) {
  for (const key of names) {
    const now = Object.getOwnPropertyDescriptor(object, key);
    const was = before.get(key);
    if (now === undefined || !now.configurable || KEPT.has(key)) continue;
    if (was === undefined) delete object[key];
    // A lazy global of Node becomes a plain one when it is first read; that one stays.
    else if ('value' in was ? now.value !== was.value : now.set !== was.set && !('value' in now))
      Object.defineProperty(object, key, was);
  }
  for (const [key, was] of before) if (!Object.hasOwn(object, key)) Object.defineProperty(object, key, was);
}
