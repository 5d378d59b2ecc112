import { swcOptions } from './test/support/swc-options.mjs';

/** @type {import('jest').Config} */
export default {
  rootDir: import.meta.dirname,
  roots: ['<rootDir>/test'],
  testMatch: ['**/*.spec.ts'],
  // The packaging tests need a build, those of the pages a browser, those of faults take many minutes: npm run test:package,
  // test:browser, test:chaos, test:ha.
  testPathIgnorePatterns: [
    '/node_modules/',
    '<rootDir>/test/dashboard/browser/',
    '<rootDir>/test/packaging/',
    '<rootDir>/test/chaos/',
    '<rootDir>/test/ha/',
  ],
  modulePathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/test/bench/peers/', '<rootDir>/test/packaging/apps/'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '^.+\\.ts$': ['@swc/jest', { ...swcOptions, configFile: false, swcrc: false }] },
  resolver: '<rootDir>/test/support/resolver.cjs',
  moduleNameMapper: {
    '^nest-durable$': '<rootDir>/lib/index.ts',
    '^nest-durable/(helpers|migrations)$': '<rootDir>/lib/$1.ts',
    '^nest-durable/dashboard$': '<rootDir>/lib/dashboard/index.ts',
    '^nest-durable/testing$': '<rootDir>/lib/testing/index.ts',
  },
  testSequencer: '<rootDir>/test/support/sequencer.mjs',
  runtime: '<rootDir>/test/support/runtime.cjs',
  testEnvironment: '<rootDir>/test/support/environment.mjs',
  globalSetup: '<rootDir>/test/support/global-setup.mjs',
  globalTeardown: '<rootDir>/test/support/global-teardown.mjs',
  // For two cores: a third of the time goes by in waiting, for leases, servers and browsers.
  maxWorkers: 3,
  // A worker whose heap is large takes longer than jest's half second to be gone.
  workerGracefulExitTimeout: 30_000,
  testTimeout: 120_000,
};
