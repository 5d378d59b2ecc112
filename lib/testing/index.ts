/** The door of nest-durable/testing. */
export { createDurableTest, type DurableTestOptions, type TestServerOptions } from './create-durable-test.js';
export { DurableTest } from './durable-test.js';
export type { Exploration, ExploreOptions } from './explore.js';
export { runStep, type RunStepOptions, type StepOutcome } from './run-step.js';
export type { AskedWait, WaitAnswers } from './answered-waits.js';
