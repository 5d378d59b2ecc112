import type { Plan } from './plan.js';
import type { Fault, Settings } from './settings.js';
import { mayBeLost } from './versions.js';

/** What the module says at warn and error of what the plans do. */
const OF_PLANS = [
  /: attempt \d+ of \d+ of .* failed with /,
  /WARN.* \d+ lines? left out$/,
  // Claims of limited queues and workflows wait for each other, on a machine that has much else to do.
  /WARN.*Could not claim.*lock timeout$/,
  /: round \d+ of \d+ failed with /,
  /Run \S+ of "plan_\d+" failed/,
];

/** A session was lost, and what it did is done again. */
const LOST = /WARN .*(retrying|retried|lost|ECONNRESET|EPIPE)/;

/** A run is paused whose place a version does not have. */
const LOST_PLACE =
  / is paused\. DefinitionChangedError: Workflow "(plan_\d+)" cannot go on at "([^"]*)": that place is gone\./;

/** Beside those that `faults` brings about. */
const OF_FAULTS: Readonly<Record<Fault, readonly RegExp[]>> = {
  kill: [/recovered from/],
  restart: [],
  cut: [LOST],
  'cut at a commit': [],
  freeze: [/recovered from/, LOST],
  terminate: [LOST],
  'terminate at a commit': [],
};

/** Lines of a worker at warn or error that nothing in its plans and settings explains. */
export function unexpectedLines(complaints: string, plans: readonly Plan[], { faults, deploys }: Settings): string[] {
  const known = [...OF_PLANS, ...faults.flatMap((fault) => OF_FAULTS[fault])];
  return complaints.split('\n').filter((line) => {
    if (line.trim() === '' || known.some((one) => one.test(line))) return false;
    const [, workflow, path] = LOST_PLACE.exec(line) ?? [];
    const plan = plans.find(({ name }) => name === workflow);
    return !deploys || plan === undefined || !mayBeLost(plan, path ?? '');
  });
}
