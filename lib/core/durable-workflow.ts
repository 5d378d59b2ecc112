declare const types: unique symbol;

/**
 * Base class that types a workflow's input and result for `start`, `result` and `callWorkflow`:
 * `class OrderWorkflow extends DurableWorkflow<OrderInput, Receipt>`. It holds nothing at run time, and a workflow need
 * not extend it: without it any object starts the workflow, and its result is `unknown`.
 */
export abstract class DurableWorkflow<I extends object = Record<string, unknown>, R = unknown> {
  /**
   * Only for the compiler. Neither optional nor a type parameter used nowhere: with either of the two every class
   * would look like a `DurableWorkflow`.
   */
  declare readonly [types]: { readonly input: I; readonly result: R };
}

/** A class marked with `@Workflow()`, as `start` and `callWorkflow` take it. */
export type WorkflowClass = abstract new (...args: never[]) => object;

/** A workflow for the client: its class, or its name where the class is not at hand. */
export type WorkflowRef = WorkflowClass | string;

/** Input type of a workflow: `I` of `DurableWorkflow<I, R>`; any object for other classes and for names. */
export type InputOf<W> = W extends abstract new (...args: never[]) => DurableWorkflow<infer I, unknown> ? I : object;

/** Result type of a workflow: `R` of `DurableWorkflow<I, R>`; `unknown` for other classes and for names. */
export type ResultOf<W> = W extends abstract new (...args: never[]) => DurableWorkflow<object, infer R> ? R : unknown;
