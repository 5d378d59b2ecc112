import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const repository = fileURLToPath(new URL('../..', import.meta.url));

/** Names and words that the glossary of lib/README.md has others for, and the other. */
const REPLACED: readonly [word: RegExp, instead: string][] = [
  [/\bpersist\(/, 'retryUntilAnswered, withReconnect'],
  [/\bheld\b|held[A-Z_]|[a-z]Held\b|\bHeld[A-Z]|\bHELD\b/, 'leased, waiting, locked'],
  [/\.hold\(|\bhold[<(]|\bisHold|\bhold[A-Z]/, 'keepAlive, claimOnWake, LogLine'],
  [/\bhanded[A-Z_]|[a-z]Handed|\bHANDED|\bHanded[A-Z]|'handed'|'returned'/, 'remote step'],
  [/\bloose\b/, 'unmatched'],
  [/\bwish(es|ed)?\b|[Ww]ish[A-Z]/, 'interest'],
  [/\bEventLooks\b/, 'CatchUp'],
  [/[Dd]eafen/, 'unlisten'],
  [/\bburied\b|\bbury\b|[Bb]uryThe/, 'reported dead, recoverDeadWorkers'],
  [/\bstrangers?\b/, 'unknownRows'],
  [/\bjudge[A-Z(]/, 'reconcile'],
  [/\bdoubt(s|ed|ful)?\b/, 'suspectOrphans, unsure'],
  [/\bfall\(/, 'Aftermath'],
  [/\bconfused\b/, 'nondeterministic'],
  [/\banxious/i, 'DEGRADED_HEARTBEAT_INTERVAL'],
  [/\bDeath\b/, 'CrashPoint'],
  [/\bAbandoned\b(?!Attempts)/, 'AbandonedAttempts'],
  [/\bWakeUp/, 'WorkSignals'],
  [/\bHintInbox/, 'PeerHints'],
  [/\bworkIn\b/, 'notifyWork'],
  [/store-types|commit-types|durable\.types/, 'a name by responsibility'],
  [/\b(an|the|of|no|running|finished|unfinished) executions?\b(?! of a workflow)/i, 'run'],
  [/^\s*(\/\*\*|\*) What (is never shown|happens, as it happens)/, 'Redaction, Live events'],
];

/** Where such a word is a public name, or what the statement of the group commit calls its CTE, which is left as it is measured. */
const ALLOWED: readonly [file: RegExp, line: RegExp][] = [
  [
    /client\/durable\.queues\.ts$|queue-control\.ts$|ui\/src\/lib\/types\.ts$/,
    /^ +(readonly )?held: (number;|row\.held,)/,
  ],
  [/list-workers\.sql$/, /AS held,/],
  [/commands\/workers\.ts$/, /\(\{ held \}\) => String\(held\)/],
  [/ui\/src\/pages\/(queues|overview\/in-short)\.tsx$/, /held/],
  [/commits\/commit-group\.sql$/, /held/],
];

/** The lines of the sources. */
function lines(): { file: string; text: string; at: number }[] {
  const files = execFileSync('git', ['ls-files', 'lib', 'migrations'], { cwd: repository, encoding: 'utf8' });
  return files
    .split('\n')
    .filter((file) => /\.(ts|tsx|sql|md)$/.test(file))
    .flatMap((file) =>
      readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8')
        .split('\n')
        .map((text, at) => ({ file, text, at: at + 1 })),
    );
}

it.each(REPLACED)('nothing in lib/ or migrations/ says %s: it is %s', (word) => {
  const found = lines().filter(
    ({ file, text }) => word.test(text) && !ALLOWED.some(([where, what]) => where.test(file) && what.test(text)),
  );
  expect(found.map(({ file, at, text }) => `${file}:${at}: ${text.trim()}`)).toEqual([]);
});
