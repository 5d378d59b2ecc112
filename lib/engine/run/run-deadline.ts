import { WorkflowTimeoutError } from '../../core/errors/errors.js';
import type { Aftermath } from './aftermath.js';
import type { FailureCause } from './failure-cause.js';
import type { SessionCore } from './session-core.js';
import type { Timer } from '../time/long-timer.js';

/** The timeout of a run, while this process has it: it fails the run, which may be undone. */
export class RunDeadline {
  private timer: Timer | null = null;

  constructor(
    private readonly core: SessionCore,
    private readonly why: FailureCause,
    private readonly aftermath: Pick<Aftermath, 'isUndoing'>,
    private readonly host: { proceed(): void },
  ) {}

  start(ms: number): void {
    // Not left to the timer: a run that still has to wait would be parked before it fires, and woken again for ever.
    if (ms <= 0) return this.fail();
    this.timer = this.core.deps.clock.timer(() => {
      if (this.aftermath.isUndoing || this.why.cancel !== null) return;
      this.fail();
      this.host.proceed();
    });
    this.timer.start(ms);
  }

  clear(): void {
    this.timer?.clear();
  }

  private fail(): void {
    const { name, timeout } = this.core.workflow.definition;
    this.why.add(new WorkflowTimeoutError(name, timeout ?? 0));
  }
}
