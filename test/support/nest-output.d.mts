/** What Nest's loggers write from now on, until `end`. */
export class NestOutput {
  end(isWanted: boolean): void;
}
