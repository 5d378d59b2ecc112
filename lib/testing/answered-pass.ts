import { newRun } from '../core/run/new-run.js';
import { encode } from '../core/codec/codec.js';
import { defaultWorkflowName, workflowNameOf } from '../workflows/compiler.js';
import type { ChildRequest, PreparedChild } from '../engine/ports/children.js';
import { PassTurns } from '../engine/step/pass-turns.js';
import type { PassWaits, StartChild, WaitRequest } from '../engine/step/waits.js';
import type { AnsweredWaits, AskedWait } from './answered-waits.js';

const FUNCTIONS = {
  sleep: 'sleep',
  event: 'waitForEvent',
  any: 'waitForAny',
  all: 'waitForAll',
  input: 'waitForInput',
  child: 'callWorkflow',
} as const;

/** The waits of a step that is run alone: each is over at once, in the order asked, with the answer that the test gives. */
export class AnsweredPass implements PassWaits {
  private readonly turns = new PassTurns(() => {});
  private asked = 0;

  constructor(private readonly waits: AnsweredWaits) {}

  now(): number {
    return Date.now();
  }

  /** All are over at once. */
  whenSuspended(): void {}

  keepAlive<T>(work: () => Promise<T>): Promise<T> {
    return this.turns.keepAlive(work);
  }

  ask(request: WaitRequest): Promise<unknown> {
    return this.inTurn(this.answer(request));
  }

  async askChild({ name, timeout }: WaitRequest, start: StartChild): Promise<unknown> {
    const { fresh } = await this.keepAlive(() => start(name));
    return this.inTurn(
      this.answered({
        kind: FUNCTIONS.child,
        name: fresh?.start.workflow ?? name,
        details: { timeout, input: fresh?.start.input },
      }),
    );
  }

  stop(): void {
    this.turns.stop();
  }

  private async answer({ kind, names = [], dueAt, timeout, spec, convert }: WaitRequest): Promise<unknown> {
    const wait = { kind: FUNCTIONS[kind], name: names[0] ?? null, details: { dueAt, timeout, ...spec } };
    if (kind === 'any') return this.waits.answerAny(wait, names);
    if (kind === 'all') return this.waits.answerAll(wait, names);
    const answer = await this.waits.answer(wait);
    return convert === undefined ? answer : convert(answer);
  }

  private async answered(wait: AskedWait): Promise<unknown> {
    return this.waits.answer(wait);
  }

  private inTurn(answer: Promise<unknown>): Promise<unknown> {
    // It may be an error, and its turn comes later.
    answer.catch(() => {});
    return new Promise((resolve) => this.turns.offer(this.asked++, () => resolve(answer)));
  }
}

/** A workflow's name without an app that would know it. */
export function nameOfWorkflow(workflow: unknown): string {
  if (typeof workflow !== 'function') return String(workflow);
  return workflowNameOf(workflow) ?? defaultWorkflowName(workflow);
}

export function childOf(request: ChildRequest, call: string, ref: string | null, parentId: string): PreparedChild {
  const input = encode(request.input, { what: 'input' });
  const start = newRun({
    workflow: nameOfWorkflow(request.workflow),
    definitionId: 0,
    queue: request.queue ?? 'default',
    priority: request.priority ?? 0,
    input,
    parentId,
  });
  return { start, call, ref, input };
}
