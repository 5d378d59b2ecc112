/** Wake-up calls to the other processes. Losing one costs a poll interval, nothing else. */
export interface Hints {
  /** True while hints of other processes arrive. */
  listening(): boolean;
  /** A queue has work. `draw`: by which the processes agree on which of them looks first; 0: all look. */
  queue(name: string, draw: number): void;
  /** A queue has something that is due later: look when. */
  later(queue: string): void;
  /** A run that somebody waits for has ended. */
  done(runId: string): void;
  /** Look at this run: it was cancelled. */
  control(runId: string): void;
  /** A queue's settings have changed. */
  settings(queue: string): void;
}
