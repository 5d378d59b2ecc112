/** One thing that was looked at. */
export interface Check {
  readonly id: string;
  readonly state: 'ok' | 'warn' | 'bad';
  readonly text: string;
  /** The mend. */
  readonly mend?: string;
}
