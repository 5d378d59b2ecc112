export interface Stage {
  readonly of: readonly string[];
  readonly except?: readonly string[];
  readonly makes: string;
  readonly memory?: string;
  readonly say?: (line: string) => void;
}

export function stage(what: string, stage: Stage, work: () => unknown): Promise<void>;
