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

/**
 * Jest's runtime, in the one context of environment.mjs, and with it what no spec file changes is loaded once for a worker
 * instead of once for each of 300 files: packages by Node itself, lib/ by jest the first time. Spec files and
 * test/support are loaded anew for each file. A file that replaces modules by jest.unstable_mockModule gets a lib/ of its own.
 */
class SharingRuntime extends Runtime {
  constructor(config, environment, resolver, transformer, cacheFS, coverageOptions, testPath, globalConfig) {
    super(config, environment, resolver, transformer, cacheFS, coverageOptions, testPath, globalConfig);
    running = this;
    this.lib = pathToFileURL(join(config.rootDir, 'lib')).href + '/';
    this.shares = !readFileSync(testPath, 'utf8').includes('unstable_mockModule');
    this.transformCache.sourceMaps = sourceMaps;
    this.useOneContext();
    this.sharePackages();
    this.shareLib();
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

  sharePackages() {
    const { loadCjsAsEsm } = this.esmLoader;
    this.esmLoader.loadCjsAsEsm = (from, path, ...rest) =>
      isPackage(path) ? packageAt(path) : loadCjsAsEsm.call(this.esmLoader, from, path, ...rest);
  }

  requireModule(from, name, options, isActual) {
    if (!options?.isInternalModule && name !== undefined && !this.esmLoader.resolution.isCoreModule(name)) {
      const path = this.esmLoader.resolution.resolveCjs(from, name);
      if (isPackage(path)) return require(path);
    }
    return super.requireModule(from, name, options, isActual);
  }

  shareLib() {
    const { loadEsmModule } = this.esmLoader;
    this.esmLoader.loadEsmModule = (path, suffix = '') => {
      if (isPackage(path)) return packageAt(path);
      if (this.shares && suffix === '') {
        const registry = this.registries.getActiveEsmRegistry();
        const address = pathToFileURL(path).href;
        const known = evaluated.get(address);
        if (known !== undefined && !registry.has(address)) registry.set(address, known);
      }
      return loadEsmModule.call(this.esmLoader, path, suffix);
    };
  }

  teardown() {
    if (this.shares) this.keepLib();
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

function packageAt(path) {
  let found = packages.get(path);
  if (found === undefined) packages.set(path, (found = importPackage(path)));
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
