import type { ResolvedOptions } from '../options/module.js';
import type { Registry } from '../engine/ports/registry.js';
import type { RunReport } from '../engine/ports/run-report.js';
import type { DatabaseTarget } from '../storage/connection/connection.js';
import type { WorkflowBinding } from '../workflows/durable.explorer.js';
import { type IdleQueue, IdleQueues, namedQueues } from './idle-queues.js';
import { guarded, LimitedLog, type ReportLog } from './limited-log.js';
import { booted, oneLine } from './lines.js';
import { LoggedReport } from './run-report.js';
import { Outages } from './outages.js';

type ReportOptions = Pick<ResolvedOptions, 'report' | 'redact' | 'queues' | 'workers' | 'schema'>;

/** Report of one instance of the module, as its option `report` asks for it. */
export class ModuleReport {
  private readonly log: ReportLog;
  private readonly limited: LimitedLog;
  private readonly outages: Outages;

  constructor(
    private readonly options: ReportOptions,
    /** Host, port and database. */
    private readonly where: string,
    log: ReportLog,
    private readonly signal: AbortSignal,
  ) {
    this.log = guarded(log);
    this.limited = new LimitedLog(log);
    this.outages = new Outages(this.log, where, signal);
  }

  /** The target whose sessions are watched. */
  watched(target: DatabaseTarget): DatabaseTarget {
    return this.isSilent ? target : { ...target, onOpened: this.outages.opened };
  }

  /** Report of runs, for the engine; none with `report: 'none'`. */
  ofRuns(registry: Registry): { report?: RunReport } {
    if (this.isSilent) return {};
    const { redact, report } = this.options;
    const definitionOf = (workflow: string) => registry.byName(workflow)?.definition;
    return { report: new LoggedReport(this.limited, report === 'all', redact, definitionOf) };
  }

  /** Something has failed that is tried again, or is to be looked at. */
  trouble(message: string, cause?: unknown): void {
    if (this.isSilent) this.log.warn(oneLine(message));
    else this.outages.trouble(message, cause);
  }

  /** The process has begun to work. */
  launched(
    bindings: readonly WorkflowBinding[],
    find: (named: readonly string[]) => Promise<readonly IdleQueue[]>,
  ): void {
    const { queues, workers, schema } = this.options;
    const concurrency = [...queues].map(([queue, settings]) => ({ queue, concurrency: settings.concurrency }));
    const line = booted({
      server: this.where,
      schema,
      workflows: bindings.map(({ definition }) => definition.name),
      schedules: bindings.flatMap(({ schedules }) => schedules.map(({ name }) => name)),
      queues: workers ? concurrency : null,
    });
    this.log.log(line);
    if (this.isSilent) return;
    const { loop } = new IdleQueues({
      find,
      named: namedQueues(bindings),
      own: concurrency.map(({ queue }) => queue),
      log: this.limited,
      onTrouble: (message, cause) => this.trouble(message, cause),
    });
    if (this.signal.aborted) return;
    loop.start();
    this.signal.addEventListener('abort', () => void loop.stop(), { once: true });
  }

  async close(): Promise<void> {
    this.outages.close();
    this.limited.close();
  }

  private get isSilent(): boolean {
    return this.options.report === 'none';
  }
}
