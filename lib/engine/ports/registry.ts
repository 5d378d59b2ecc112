import type { WorkflowDefinition } from '../../core/definition/definition.js';
import { BootContext } from './boot-context.js';

/** A workflow that this process can run: its definition and the code behind it. */
export interface RegisteredWorkflow {
  readonly definition: WorkflowDefinition;
  /** Its number in workflow_definitions. */
  readonly definitionId: number;
  /** True: another stored definition of it has compensations, and a run that was there by that one may have to be undone. */
  undoesElsewhere?: boolean;
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

/** True: what a run of it has done may have to be undone, by this definition or by one that it was there by before. */
export function mayUndo({ definition, undoesElsewhere }: RegisteredWorkflow): boolean {
  return definition.compensations.length > 0 || undoesElsewhere === true;
}

/**
 * The workflows of one instance of the module, by name, class and number. What it gives of a workflow's functions enters
 * the context of the boot; the methods are called by attempts, which do so themselves.
 */
export class Registry {
  private readonly names = new Map<string, RegisteredWorkflow>();
  private readonly types = new Map<unknown, RegisteredWorkflow>();
  private readonly ids = new Map<number, RegisteredWorkflow>();

  constructor(
    private readonly context = new BootContext(),
    /** Name of the instance of the module. */
    readonly instance = 'default',
    /** True for a workflow that this process has got since it booted: it is not registered, and warned of once. */
    readonly isLate: (name: string) => boolean = () => false,
  ) {}

  add(given: RegisteredWorkflow): void {
    const workflow = this.guarded(given);
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

  /** A function of the user's that belongs to no workflow here, outside of its caller's context. */
  bind<A extends unknown[], R>(work: (...args: A) => R): (...args: A) => R {
    return this.context.bind(work);
  }

  private guarded(workflow: RegisteredWorkflow): RegisteredWorkflow {
    const { context } = this;
    const { retryIf, concurrencyKey, validateInput } = workflow;
    return {
      ...workflow,
      retryIf: new Map([...retryIf].map(([name, decide]) => [name, context.bind(decide)])),
      concurrencyKey: concurrencyKey === null ? null : context.bind(concurrencyKey),
      validateInput: validateInput === null ? null : context.bind(validateInput),
    };
  }
}
