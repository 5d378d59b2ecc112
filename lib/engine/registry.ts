import type { WorkflowDefinition } from '../core/definition.js';

/** A workflow that this process can run: its definition and the code behind it. */
export interface RegisteredWorkflow {
  readonly definition: WorkflowDefinition;
  /** Its number in workflow_definitions. */
  readonly definitionId: number;
  readonly type: unknown;
  /** The provider whose methods are the members. */
  readonly instance: object;
  /** By name of node or compensation. Absent: every error is retried. */
  readonly retryIf: ReadonlyMap<string, (error: unknown) => boolean>;
  /** Gives what a run counts under where the workflow has a concurrency limit; null: all its runs count together. */
  readonly concurrencyKey: ((input: unknown) => unknown) | null;
  /**
   * Throws InvalidInputError. `given`: what the caller has passed, where the input is what became of it in the database.
   * Null: any object will do.
   */
  readonly validateInput: ((input: unknown, given?: unknown) => Promise<void>) | null;
}

/** The workflows of one instance of the module, by name, class and number. */
export class Registry {
  private readonly names = new Map<string, RegisteredWorkflow>();
  private readonly types = new Map<unknown, RegisteredWorkflow>();
  private readonly ids = new Map<number, RegisteredWorkflow>();

  add(workflow: RegisteredWorkflow): void {
    this.names.set(workflow.definition.name, workflow);
    this.types.set(workflow.type, workflow);
    this.ids.set(workflow.definitionId, workflow);
  }

  byName(name: string): RegisteredWorkflow | undefined {
    return this.names.get(name);
  }

  byClass(type: unknown): RegisteredWorkflow | undefined {
    return this.types.get(type);
  }

  byId(definitionId: number): RegisteredWorkflow | undefined {
    return this.ids.get(definitionId);
  }

  all(): RegisteredWorkflow[] {
    return [...this.names.values()];
  }
}
