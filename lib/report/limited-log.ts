/** The methods of Nest's Logger that reports use. */
export interface ReportLog {
  log(message: string): void;
  warn(message: string): void;
  error(message: string): void;
}

export type ReportLevel = keyof ReportLog;

/** The same logger; one that throws takes nothing with it: no session that is being opened, no timer, no loop. */
export function guarded(to: ReportLog): ReportLog {
  const say = (level: ReportLevel) => (message: string) => {
    try {
      to[level](message);
    } catch {
      // Nobody is left to tell.
    }
  };
  return { log: say('log'), warn: say('warn'), error: say('error') };
}

/** Lines in any second. */
const MOST = 20;
const SECOND = 1_000;

/**
 * Says at most 20 lines in any second, and once a second how many it has left out: whatever fails a thousand times a second
 * must not fill a disk, or keep the process from its work.
 */
export class LimitedLog implements ReportLog {
  /** performance.now() of the last lines, oldest first. */
  private readonly said: number[] = [];
  private leftOut = 0;
  private timer: NodeJS.Timeout | undefined;

  private readonly to: ReportLog;

  constructor(to: ReportLog) {
    this.to = guarded(to);
  }

  log(message: string): void {
    this.say('log', message);
  }

  warn(message: string): void {
    this.say('warn', message);
  }

  error(message: string): void {
    this.say('error', message);
  }

  /** Says what is still to be said of lines that were left out. */
  close(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.countLeftOut();
  }

  private say(level: ReportLevel, message: string): void {
    const now = performance.now();
    while (this.said.length > 0 && now - (this.said[0] ?? 0) >= SECOND) this.said.shift();
    if (this.said.length < MOST) {
      this.said.push(now);
      return this.to[level](message);
    }
    this.leftOut++;
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.countLeftOut();
    }, SECOND).unref();
  }

  private countLeftOut(): void {
    const lines = this.leftOut;
    this.leftOut = 0;
    if (lines > 0) this.to.warn(`${lines} ${lines === 1 ? 'line' : 'lines'} left out`);
  }
}
