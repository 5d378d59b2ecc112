import { armsOf, gotoOf, type DraftMember, type DraftWorkflow } from './definition-draft.js';
import { checkArmKey, checkMemberLimits, checkWorkflowLimits } from './definition-limits.js';
import { didYouMean } from '../did-you-mean.js';

/** One thing that is wrong with a workflow, and its mend. */
export interface DefinitionFault {
  /** The method; `null` when it is the class as a whole. */
  readonly member: string | null;
  readonly message: string;
}

/** An arm of `owner` that names a member. */
interface ArmRef {
  readonly owner: DraftMember;
  readonly key: string;
}

/** Everything that is wrong with a workflow, or nothing. Pure: it reads the draft only. */
export function checkDraft(draft: DraftWorkflow): DefinitionFault[] {
  const faults: DefinitionFault[] = [];
  const at = (member: string | null) => (message: string) => void faults.push({ member, message });
  const members = new Map(draft.members.map((member) => [member.member, member]));
  const undoes = new Set(draft.members.map(({ settings }) => settings.compensate));
  const places = placesOf(draft);

  checkWorkflowLimits(draft, at(null));
  if (!draft.members.some(({ kind }) => kind !== 'compensation')) {
    at(null)('it has no member to run: write @Step() above a method');
  }
  checkDuplicateNames(draft, at);
  for (const member of draft.members) {
    const report = at(member.member);
    checkMemberLimits(member, report);
    checkArms(draft, member, members, report);
    checkPlaces(member, places, report);
    checkCompensate(draft, member, members, report);
    if (member.kind === 'compensation' && !undoes.has(member.member)) {
      report(
        `no step names this compensation; write compensate: '${member.member}' on the step it undoes, or delete it`,
      );
    }
    checkGoto(draft, member, members, places, report);
  }
  return faults;
}

type Report = (message: string) => void;
type Members = ReadonlyMap<string, DraftMember>;
type Places = ReadonlyMap<string, readonly ArmRef[]>;

function placesOf(draft: DraftWorkflow): Places {
  const places = new Map<string, ArmRef[]>();
  for (const owner of draft.members) {
    for (const [key, names] of Object.entries(armsOf(owner))) {
      for (const name of names) {
        places.set(name, [...(places.get(name) ?? []), { owner, key }]);
      }
    }
  }
  return places;
}

function checkDuplicateNames(draft: DraftWorkflow, at: (member: string) => Report): void {
  const first = new Map<string, string>();
  for (const { name, member } of draft.members) {
    const other = first.get(name);
    if (other === undefined) {
      first.set(name, member);
    } else {
      at(member)(`its name "${name}" is that of "${other}" too; give one of the two another \`name\``);
    }
  }
}

function checkArms(draft: DraftWorkflow, owner: DraftMember, members: Members, report: Report): void {
  const arms = Object.entries(armsOf(owner));
  if ((owner.kind === 'branch' || owner.kind === 'parallel') && arms.length === 0) {
    report('it has no arms; name at least one');
  }
  for (const [key, names] of arms) {
    const arm = armLabel({ owner, key });
    checkArmKey(key, report);
    if (names.length === 0) {
      report(`${arm} is empty; name a member`);
    }
    for (const name of names) {
      const member = members.get(name);
      if (member === undefined) {
        report(`${arm} names "${name}", ${unknown(draft, name, '@Step()', runnable(draft))}`);
      } else if (member.kind === 'compensation') {
        report(`${arm} names "${name}", which is a compensation; it runs only in a rollback. Name a step`);
      } else if (holds(member, owner.member, members)) {
        report(`${arm} names "${name}", which ${name === owner.member ? 'is itself' : 'holds this member itself'}`);
      }
    }
  }
}

/** True when `member` is `wanted`, or has it in an arm at any depth. */
function holds(member: DraftMember, wanted: string, members: Members, seen = new Set<string>()): boolean {
  if (member.member === wanted) {
    return true;
  }
  if (seen.has(member.member)) {
    return false;
  }
  seen.add(member.member);
  return Object.values(armsOf(member))
    .flat()
    .some((name) => {
      const inner = members.get(name);
      return inner !== undefined && holds(inner, wanted, members, seen);
    });
}

function checkPlaces(member: DraftMember, places: Places, report: Report): void {
  const named = places.get(member.member) ?? [];
  if (named.length > 1) {
    const list = named.map((place) => `${armLabel(place)} of "${place.owner.member}"`).join(' and ');
    report(`it stands in ${list}; a member stands in one place. Write a second method that calls the first`);
  }
}

function checkCompensate(draft: DraftWorkflow, member: DraftMember, members: Members, report: Report): void {
  const undo = member.settings.compensate;
  if (undo !== null) {
    const target = members.get(undo);
    if (target === undefined) {
      const all = draft.members.filter(({ kind }) => kind === 'compensation').map((other) => other.member);
      report(`compensate names "${undo}", ${unknown(draft, undo, '@Compensate()', all)}`);
    } else if (target.kind !== 'compensation') {
      report(`compensate names "${undo}", which is no compensation; put @Compensate() there in place of what it has`);
    }
  }
}

function checkGoto(draft: DraftWorkflow, member: DraftMember, members: Members, places: Places, report: Report): void {
  const targets = gotoOf(member);
  if (member.kind !== 'decision' && targets.length === 0) return;
  const { sequences, border } = wayOut(member, places);
  if (member.kind === 'decision' && targets.length === 0 && border !== null) {
    // The method's return value is unknown here; a decision without jumps may still call finish().
    report(
      `it declares no goto, so all it could do more than a step is finish(), and finish() never stands in ` +
        `${fanOutPart(border)}. Declare goto, or write @Step()`,
    );
  }
  const isReachable = (name: string): boolean => sequencesOf(name, places).some((one) => sequences.has(one));
  for (const name of targets) {
    const target = members.get(name);
    if (target === undefined) {
      report(`goto names "${name}", ${unknown(draft, name, '@Step()', runnable(draft).filter(isReachable))}`);
    } else if (target.kind === 'compensation') {
      report(`goto names "${name}", which is a compensation; it runs only in a rollback. Name a step`);
    } else if (!isReachable(name)) {
      report(`goto names "${name}", ${outOfReach(name, places, border)}`);
    }
  }
}

/** Its own sequence and, through branch arms, the enclosing ones; `border` is the fan-out that ends the way out. */
function wayOut(member: DraftMember, places: Places): { sequences: ReadonlySet<string>; border: ArmRef | null } {
  const sequences = new Set<string>();
  const seen = new Set<string>();
  let current = member;
  while (!seen.has(current.member)) {
    seen.add(current.member);
    const place: ArmRef | undefined = places.get(current.member)?.[0];
    sequences.add(place === undefined ? MAIN : sequenceIn(place));
    if (place === undefined) {
      break;
    }
    if (place.owner.kind !== 'branch') {
      return { sequences, border: place };
    }
    current = place.owner;
  }
  return { sequences, border: null };
}

/** The main sequence, among the names of sequences. */
const MAIN = '';

function sequenceIn({ owner, key }: ArmRef): string {
  return `${owner.member}\n${key}`;
}

/** The sequences that a member stands in: one, unless that is a fault. */
function sequencesOf(name: string, places: Places): string[] {
  return places.get(name)?.map(sequenceIn) ?? [MAIN];
}

function outOfReach(name: string, places: Places, border: ArmRef | null): string {
  const place = places.get(name)?.[0];
  if (border !== null) {
    return `which is outside ${armLabel(border)} of "${border.owner.member}"; a jump never leaves ${fanOutPart(border)}`;
  }
  return place === undefined
    ? 'which is not in its sequence'
    : `which stands inside ${armLabel(place)} of "${place.owner.member}"; a jump does not go into arms. Jump to "${place.owner.member}"`;
}

function runnable(draft: DraftWorkflow): string[] {
  return draft.members.filter(({ kind }) => kind !== 'compensation').map(({ member }) => member);
}

function unknown(draft: DraftWorkflow, name: string, decorator: string, candidates: Iterable<string>): string {
  return draft.methods.includes(name)
    ? `which is a method with no decorator; write ${decorator} above it`
    : `which is no member.${didYouMean(name, candidates)}`;
}

function fanOutPart({ owner }: ArmRef): string {
  return owner.kind === 'parallel' ? 'a parallel arm' : 'a loop item';
}

function armLabel({ owner, key }: ArmRef): string {
  return owner.kind === 'forEach' ? 'the arm' : `arm "${key}"`;
}
