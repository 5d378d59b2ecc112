import type {
  BranchNode,
  CompensationNode,
  DecisionNode,
  ForEachNode,
  ParallelNode,
  Sequence,
  StepNode,
  StepSettings,
  WorkflowDefinition,
  WorkflowNode,
} from './definition.js';

/*
 * A workflow as its class says it: a flat list of members that name each other. It may hold every mistake that a tree
 * cannot show (a member in two arms, one that holds itself, a name of nothing), so it is what is checked; the tree is
 * built from it afterwards. `compensate`, `goto` and arms name members (methods) here, and nodes (names) in the tree.
 */

interface DraftBase {
  readonly member: string;
  readonly name: string;
  readonly settings: StepSettings;
}

type Arms = Readonly<Record<string, readonly string[]>>;

export type DraftMember = DraftBase &
  (
    | Pick<StepNode, 'kind'>
    | Omit<DecisionNode, keyof DraftBase>
    | (Pick<BranchNode, 'kind'> & { readonly arms: Arms })
    | (Omit<ParallelNode, keyof DraftBase | 'arms'> & { readonly arms: Arms })
    | (Omit<ForEachNode, keyof DraftBase | 'arm'> & { readonly arm: readonly string[] })
    | { readonly kind: 'compensation' }
  );

export interface DraftWorkflow extends Omit<WorkflowDefinition, 'nodes' | 'compensations'> {
  /** In the order they are written. */
  readonly members: readonly DraftMember[];
  /** Every method of the class, decorated or not. */
  readonly methods: readonly string[];
}

/** The arms that a member holds, by key; a loop's one arm has the key `''`. */
export function armsOf(member: DraftMember): Arms {
  switch (member.kind) {
    case 'branch':
    case 'parallel':
      return member.arms;
    case 'forEach':
      return { '': member.arm };
    default:
      return {};
  }
}

/** The members that a member may jump to. */
export function gotoOf(member: DraftMember): readonly string[] {
  return member.kind === 'decision' || member.kind === 'parallel' ? member.goto : [];
}

/** The members of the main sequence: those that no arm names. */
export function mainMembers(draft: DraftWorkflow): DraftMember[] {
  const inArms = new Set(draft.members.flatMap((member) => Object.values(armsOf(member)).flat()));
  return draft.members.filter((member) => member.kind !== 'compensation' && !inArms.has(member.member));
}

/** The tree. The draft must have passed `checkDraft`: a member that contains itself would never come to an end here. */
export function buildDefinition(draft: DraftWorkflow): WorkflowDefinition {
  const { members, methods: _methods, ...workflow } = draft;
  const byMember = new Map(members.map((member) => [member.member, member]));
  const nameOf = (member: string): string => byMember.get(member)?.name ?? member;

  const sequence = (names: readonly string[]): Sequence =>
    names.map((name) => {
      const member = byMember.get(name);
      if (member === undefined || member.kind === 'compensation') {
        throw new TypeError(`"${name}" is no node of workflow "${draft.name}": the draft was not checked`);
      }
      return node(member);
    });

  const arms = (of: Arms): Readonly<Record<string, Sequence>> =>
    // fromEntries defines its keys, where an assignment to `__proto__` would be lost.
    Object.fromEntries(Object.entries(of).map(([key, names]) => [key, sequence(names)]));

  const node = (member: Exclude<DraftMember, { kind: 'compensation' }>): WorkflowNode => {
    const { compensate } = member.settings;
    const settings = { ...member.settings, compensate: compensate === null ? null : nameOf(compensate) };
    switch (member.kind) {
      case 'step':
        return { ...member, settings };
      case 'decision':
        return { ...member, settings, goto: member.goto.map(nameOf) };
      case 'branch':
        return { ...member, settings, arms: arms(member.arms) };
      case 'parallel':
        return { ...member, settings, arms: arms(member.arms), goto: member.goto.map(nameOf) };
      case 'forEach':
        return { ...member, settings, arm: sequence(member.arm) };
    }
  };

  return {
    ...workflow,
    nodes: sequence(mainMembers(draft).map(({ member }) => member)),
    compensations: members
      .filter(({ kind }) => kind === 'compensation')
      .map(({ name, member, settings: { retry, timeout, transactional } }): CompensationNode => {
        return { name, member, retry, timeout, transactional };
      }),
  };
}
