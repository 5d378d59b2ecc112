/** One thing that was looked at. */
export interface Check {
  readonly id: string;
  readonly state: 'ok' | 'warn' | 'bad';
  readonly text: string;
  /** What to do. */
  readonly mend?: string;
}
