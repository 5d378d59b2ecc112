const { AsyncLocalStorage } = require('node:async_hooks');
const { readFileSync } = require('node:fs');
const { compileFunction, SyntheticModule } = require('node:vm');
const { join, sep } = require('node:path');
const { pathToFileURL } = require('node:url');
const Runtime = require('jest-runtime').default;

/** Packages that Node itself has loaded, one for the worker. */
const packages = new Map();
/** Modules of lib/ that an earlier spec file of the worker has evaluated, by their address. */
const evaluated = new Map();
/** Those of modules that later files no longer transform: their errors' lines are told by them all the same. */
const sourceMaps = new Map();
/** A module of lib/ outlives the spec file that loaded it; what it imports later is the business of the running one. */
let running;
/** What a spec file calls to have modules of its own. */
const OWN_MODULES =
  /\bjest\s*\.\s*(mock|doMock|setMock|unstable_mockModule|enableAutomock|resetModules|isolateModules(Async)?)\b/;

/**
 * Jest's runtime, in the one context of environment.mjs, and with it what no spec file changes is loaded once for a worker
 * instead of once for each of 300 files: packages by Node itself, `expect` among them, lib/ by jest the first time. Spec
 * files, test/support and jest-circus are loaded anew for each file. A file that mocks, resets or isolates modules gets packages and a lib/ of its
 * own, and so does one with another environment: that one is run by jest's runtime as it is.
 */
class SharingRuntime extends Runtime {
  sharesPackages = false;
  sharesLib = false;
  /** Whether the file has something of others already: what it loads later must be of the same kind then. */
  hasShared = false;

  constructor(config, environment, resolver, transformer, cacheFS, coverageOptions, testPath, globalConfig) {
    super(config, environment, resolver, transformer, cacheFS, coverageOptions, testPath, globalConfig);
    if (environment.global !== globalThis) return;
    running = this;
    this.lib = pathToFileURL(join(config.rootDir, 'lib')).href + '/';
    this.sharesPackages = !OWN_MODULES.test(readFileSync(testPath, 'utf8'));
    // What is counted of a lib/ that is kept would be counted for the file that loaded it.
    this.sharesLib = this.sharesPackages && !coverageOptions?.collectCoverage;
    this.keepsLib = this.sharesLib;
    this.transformCache.sourceMaps = sourceMaps;
    this.useOneContext();
    this.sharePackages();
    this.shareLib();
    this.noteStorages();
  }

  useOneContext() {
    this.esmLoader.getContext = () => undefined;
    // Node 22 and later would load modules synchronously, past what is overridden here.
    this.esmLoader.resolution.hasDistinctAsyncResolver = () => true;
    this.executor.compile = (source, filename) =>
      compileFunction(source, this.executor.injectedModuleParameters, {
        filename,
        importModuleDynamically: (specifier) => this.esmLoader.dynamicImportFromCjs(specifier, filename, undefined),
      });
    const own = this.esmLoader.dynamicImport;
    this.dynamicImport = own;
    this.esmLoader.dynamicImport = (...args) => running.dynamicImport(...args);
  }

  /**
   * jest-circus is loaded anew for each file, with an AsyncLocalStorage that it never disables: Node 20 would give each
   * promise and timer one property more for every file that the worker has run before.
   */
  noteStorages() {
    const storages = (this.storages = []);
    this.ownStorage = class extends AsyncLocalStorage {
      constructor(...args) {
        super(...args);
        storages.push(this);
      }
    };
  }

  disableStorages() {
    for (const storage of this.storages ?? []) storage.disable();
  }

  sharePackages() {
    const { loadCjsAsEsm } = this.esmLoader;
    this.esmLoader.loadCjsAsEsm = (from, path, suffix = '', ...rest) =>
      this.importsPackage(path, suffix)
        ? packageAt(path)
        : loadCjsAsEsm.call(this.esmLoader, from, path, suffix, ...rest);
  }

  requireModule(from, name, options, isActual) {
    if (options?.isInternalModule && this.ownStorage !== undefined && isOfCircus(from)) {
      if (name === 'node:async_hooks') return { AsyncLocalStorage: this.ownStorage };
      // expect and the like: what they keep they have in common through a global in any case.
      const { resolution } = this.esmLoader;
      if (name !== undefined && !name.startsWith('.') && !resolution.isCoreModule(name))
        return require(resolution.resolveCjs(from, name));
    }
    if (this.sharesNow('sharesPackages') && !options?.isInternalModule && name !== undefined) {
      const { resolution } = this.esmLoader;
      const path = resolution.isCoreModule(name) ? name : resolution.resolveCjs(from, name);
      if (isPackage(path) && !path.endsWith('.json')) {
        this.hasShared = true;
        return require(path);
      }
    }
    return super.requireModule(from, name, options, isActual);
  }

  shareLib() {
    const { loadEsmModule } = this.esmLoader;
    this.esmLoader.loadEsmModule = (path, suffix = '') => {
      if (this.importsPackage(path, suffix)) return packageAt(path);
      if (suffix === '' && this.sharesNow('sharesLib')) {
        const registry = this.registries.getActiveEsmRegistry();
        const address = pathToFileURL(path).href;
        const known = evaluated.get(address);
        if (known !== undefined && !registry.has(address)) {
          registry.set(address, known);
          this.hasShared = true;
        }
      }
      return loadEsmModule.call(this.esmLoader, path, suffix);
    };
  }

  importsPackage(path, suffix) {
    // The rest Node imports in another way than jest does, or not at all.
    const imports = suffix === '' && this.sharesNow('sharesPackages') && isPackage(path) && /\.[cm]?js$/.test(path);
    this.hasShared ||= imports;
    return imports;
  }

  /** @param kind of sharing */
  sharesNow(kind) {
    return this[kind] && !this.registries.isIsolated();
  }

  setMock(...args) {
    this.ownModules();
    super.setMock(...args);
  }

  setModuleMock(...args) {
    this.ownModules();
    super.setModuleMock(...args);
  }

  /** A mock that something else than the spec file's own text has set. */
  ownModules() {
    this.keepsLib = false;
    if (!this.hasShared) this.sharesPackages = this.sharesLib = false;
  }

  resetModules() {
    super.resetModules();
    this.sharesPackages = this.sharesLib = this.keepsLib = false;
  }

  teardown() {
    this.disableStorages();
    if (this.keepsLib) this.keepLib();
    super.teardown();
  }

  keepLib() {
    for (const [address, module] of this.registries.getActiveEsmRegistry())
      if (address.startsWith(this.lib) && module.status === 'evaluated') evaluated.set(address, module);
  }
}

function isPackage(path) {
  return path.includes(`${sep}node_modules${sep}`);
}

function isOfCircus(path) {
  return path.includes(`${sep}node_modules${sep}jest-circus${sep}`);
}

function packageAt(path) {
  let found = packages.get(path);
  if (found === undefined) {
    packages.set(path, (found = importPackage(path)));
    found.catch(() => packages.delete(path));
  }
  return found;
}

async function importPackage(path) {
  const namespace = await import(pathToFileURL(path).href);
  const names = Object.keys(namespace);
  const module = new SyntheticModule(
    names,
    () => {
      for (const name of names) module.setExport(name, namespace[name]);
    },
    { identifier: path },
  );
  await module.link(() => {});
  await module.evaluate();
  return module;
}

module.exports = SharingRuntime;
module.exports.default = SharingRuntime;
