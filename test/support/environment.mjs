import diagnostics from 'node:diagnostics_channel';
import { once } from 'node:events';
import { ModuleMocker } from 'jest-mock';
import { fakeTimersFor } from './fake-timers.mjs';
import { closeDatabase } from './leak-check.mjs';
import { NestOutput } from './nest-output.mjs';
import { ProcessState } from './process-state.mjs';
import { ServerSession } from './server-session.mjs';

/** Of the engine: what a session goes through. */
const PHASES = 'nest-durable:run-phase';
const server = new ServerSession();

/**
 * A spec file runs in the worker's own context, so that all files share what is loaded once (runtime.cjs). What it changed
 * of the process is put back, and what Nest's loggers wrote is shown only where a test has failed.
 *
 * After a spec file, hooks included, every process that it started is killed, and every database that it made is looked at
 * for what it left behind, and dropped. A leak fails the file, and so does a process that broke down, or a session that
 * took a step of which its table does not know. Where a test has failed it is only told of: an error from here would take
 * the place of the test's own, which is often its cause. Here and not in an `afterAll` of a setup file, since that one
 * would run before the spec's own.
 */
export default class DatabaseEnvironment {
  global = globalThis;
  before = new ProcessState();
  hasFailed = false;
  /** Steps of a run's session that its table of phases (lib/engine/run/phases.ts) does not have. */
  wrongSteps = new Set();
  onPhase = ({ from, to, isMeant }) => {
    if (!isMeant)
      this.wrongSteps.add(`The session of a run went from "${from}" to "${to}": the table of phases has no such arrow`);
  };

  constructor({ projectConfig }) {
    this.moduleMocker = new ModuleMocker(this.global);
    Object.assign(this, fakeTimersFor(projectConfig, this.global, this.moduleMocker));
  }

  getVmContext() {
    return this.global;
  }

  exportConditions() {
    return ['node', 'node-addons'];
  }

  async setup() {
    this.before.noteErrors();
    this.output = new NestOutput();
    diagnostics.subscribe(PHASES, this.onPhase);
    this.global.testSession = server;
    this.global.testDatabases = new Map();
    this.global.testProcesses = new Map();
  }

  handleTestEvent({ name }) {
    this.hasFailed ||= name === 'test_fn_failure' || name === 'hook_failure';
  }

  async teardown() {
    const left = [...(this.global.testDatabases ?? [])];
    const processes = [...(this.global.testProcesses ?? [])];
    // Before anything that could fail or wait: what follows must not go by a faked time, nor leave the next file anything.
    this.fakeTimers.dispose();
    this.fakeTimersModern.dispose();
    this.before.restore();
    diagnostics.unsubscribe(PHASES, this.onPhase);
    const failed = [...this.wrongSteps].map((complaint) => new Error(complaint));
    try {
      const complaints = processes.flatMap(([, complaint]) => complaint() ?? []);
      failed.push(...complaints.map((complaint) => new Error(complaint)));
      failed.push(...(await failuresOf(processes.map(([child]) => endProcess(child)))));
      failed.push(...(await failuresOf(left.map(([name, rules]) => closeDatabase(name, rules, server)))));
    } finally {
      this.output?.end(this.hasFailed || failed.length > 0);
    }
    if (failed.length === 0) return;
    if (this.hasFailed) console.error(messagesOf(failed));
    else throw failed.length === 1 ? failed[0] : new AggregateError(failed, messagesOf(failed));
  }
}

async function endProcess(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}

async function failuresOf(works) {
  const ends = await Promise.allSettled(works);
  return ends.filter((end) => end.status === 'rejected').map((end) => end.reason);
}

function messagesOf(errors) {
  return errors.map((error) => error.message).join('\n');
}
