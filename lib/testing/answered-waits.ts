/** A wait that a step asked for, in `runStep`. */
export interface AskedWait {
  /** The function's name: `sleep`, `waitForEvent`, … */
  readonly kind: string;
  /** The event's, input's or workflow's name; null: it has none (`sleep`, `scheduleAt`). */
  readonly name: string | null;
  /** Further arguments of the wait: ms, date, options, input. */
  readonly details: Readonly<Record<string, unknown>>;
}

/**
 * Answers by the name of what is waited for; for `waitForAny` and `waitForAll` by the names of the events. An `Error`
 * is thrown by the wait; a function is called with the wait and how many of that name were answered before, and gives
 * the answer.
 */
export type WaitAnswers = Readonly<Record<string, unknown>>;

/** The answers to the waits of one step, and the waits that there were. */
export class AnsweredWaits {
  readonly asked: AskedWait[] = [];
  private readonly counts = new Map<string, number>();

  constructor(
    private readonly step: string,
    private readonly answers: WaitAnswers,
  ) {}

  /** Notes the wait and gives its answer; one without a name is over at once. @throws Error for a name with no answer */
  answer(wait: AskedWait): unknown {
    this.asked.push(wait);
    return wait.name === null ? undefined : this.take(wait, wait.name);
  }

  /** The first of the names that has an answer, with it. */
  answerAny(wait: AskedWait, names: readonly string[]): [name: string, value: unknown] {
    this.asked.push(wait);
    const name = names.find((one) => this.has(one));
    if (name === undefined) throw this.missing(wait, names);
    return [name, this.take(wait, name)];
  }

  /** The answers of all the names. */
  answerAll(wait: AskedWait, names: readonly string[]): Record<string, unknown> {
    this.asked.push(wait);
    return Object.fromEntries(names.map((name) => [name, this.take(wait, name)]));
  }

  private has(name: string): boolean {
    return Object.hasOwn(this.answers, name);
  }

  private take(wait: AskedWait, name: string): unknown {
    if (!this.has(name)) throw this.missing(wait, [name]);
    const count = this.counts.get(name) ?? 0;
    this.counts.set(name, count + 1);
    const given = this.answers[name];
    const answer: unknown = typeof given === 'function' ? Reflect.apply(given, undefined, [wait, count]) : given;
    if (answer instanceof Error) throw answer;
    return answer;
  }

  private missing({ kind }: AskedWait, names: readonly string[]): Error {
    const list = names.map((name) => `"${name}"`).join(', ');
    return new Error(
      `Step "${this.step}" called ${kind}(${list}) and runStep() has no answer: give it one in \`waits\`, by name.`,
    );
  }
}
