/** What spec files change of the process that they share, as it was when this was made. */
export class ProcessState {
  restore(): void;
}
