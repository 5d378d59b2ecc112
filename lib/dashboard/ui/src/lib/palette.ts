import { pathPart } from '../../../../core/path-part.js';
import { filterOf } from './filter.js';
import { shortId } from './words.js';
import { isEnded } from './tree-node.js';
import { runsHref } from './url-text.js';
import type { RunRow } from './types.js';

/* What the palette offers for what was typed: acts where it begins with one's verb; else what it finds, and acts last. */

export const VERBS = [
  'retry',
  'restart',
  'cancel',
  'pause queue',
  'resume queue',
  'pause',
  'resume',
  'start',
  'run now',
  'answer',
  'theme',
] as const;
export type Verb = (typeof VERBS)[number];

export interface Entry {
  readonly id: string;
  readonly icon: string;
  readonly status?: string;
  /** Names stand between backquotes. */
  readonly text: string;
  readonly note: string;
  readonly href?: string;
  readonly act?: Verb;
  readonly target?: string;
  /** It needs a word: what is asked. */
  readonly ask?: string;
}

export interface Known {
  may(action: string): boolean;
  readonly runs: readonly RunRow[];
  readonly workflows: readonly string[];
  readonly schedules: readonly { name: string; enabled: boolean }[];
  readonly queues: readonly { name: string; paused: boolean; ready: number }[];
  readonly inputs: readonly { id: string; name: string; title: string }[];
  readonly views: readonly { id: string; name: string; q: string }[];
  readonly pages: readonly { id: string; name: string; href: string }[];
}

/** The verb that a text begins with, as soon as it is whole, and what comes after it. */
export function parse(text: string): { verb: Verb | null; rest: string } {
  const low = text.trimStart().toLowerCase();
  const verb = VERBS.find((one) => low === one || low.startsWith(`${one} `)) ?? null;
  return verb === null ? { verb, rest: text.trim() } : { verb, rest: low.slice(verb.length).trim() };
}

const has = (name: string, part: string): boolean => name.toLowerCase().includes(part.toLowerCase());

function runActs(verb: Verb | null, rest: string, { runs, may }: Known): Entry[] {
  const fits = runs.filter(({ id, workflow }) => rest === '' || id.startsWith(rest) || has(workflow, rest));
  const of = (
    act: Verb,
    action: string,
    icon: string,
    word: string,
    test: (run: RunRow) => boolean,
    ask?: string,
  ): Entry[] =>
    may(action) && (verb === act || (verb === null && rest.length >= 4))
      ? fits.filter(test).map((run) => ({
          id: `${act}:${run.id}`,
          icon,
          act,
          target: run.id,
          ask,
          text: `${word} \`${run.workflow} ${shortId(run.id)}\`${act === 'restart' ? ' from…' : ''}`,
          note: run.standing.text,
        }))
      : [];
  return [
    ...of('retry', 'run.retry', 'retry', 'Retry', (run) => isEnded(run.status)),
    ...of('restart', 'run.restart', 'fork', 'Restart', (run) => isEnded(run.status), 'From which step?'),
    ...of('cancel', 'run.cancel', 'stop', 'Cancel', (run) => !isEnded(run.status), 'Reason, or Enter for none'),
    ...of('pause', 'run.pause', 'paused', 'Pause', (run) => !isEnded(run.status) && run.status !== 'paused'),
    ...of('resume', 'run.resume', 'play', 'Resume', (run) => run.status === 'paused'),
  ].slice(0, 6);
}

function otherActs(verb: Verb | null, rest: string, known: Known): Entry[] {
  const { may, queues, workflows, schedules, inputs } = known;
  const any = verb === null && rest.length >= 2;
  const wants = (one: Verb): boolean => verb === one || any;
  const entries: Entry[] = [];
  if ((wants('pause queue') || verb === 'pause') && may('queue.pause')) {
    const part = rest.replace(/^queue ?/, '');
    for (const { name } of queues.filter((q) => !q.paused && has(q.name, part)))
      entries.push({
        id: `pq:${name}`,
        icon: 'paused',
        act: 'pause queue',
        target: name,
        text: `Pause queue \`${name}\``,
        note: '',
      });
  }
  if (wants('resume queue') && may('queue.resume')) {
    for (const { name } of queues.filter((q) => q.paused && has(q.name, rest)))
      entries.push({
        id: `rq:${name}`,
        icon: 'play',
        act: 'resume queue',
        target: name,
        text: `Resume queue \`${name}\``,
        note: '',
      });
  }
  if (wants('start') && may('run.start')) {
    for (const name of workflows.filter((one) => has(one, rest)))
      entries.push({
        id: `start:${name}`,
        icon: 'play',
        href: `/workflows/${pathPart(name)}?start=1`,
        text: `Start \`${name}\``,
        note: '',
      });
  }
  if (wants('run now') && may('schedule.trigger')) {
    for (const { name } of schedules.filter((one) => has(one.name, rest)))
      entries.push({
        id: `now:${name}`,
        icon: 'schedules',
        act: 'run now',
        target: name,
        text: `Run now \`${name}\``,
        note: '',
      });
  }
  if (wants('answer') && may('input.answer')) {
    for (const { id, name, title } of inputs.filter((one) => has(`${one.name} ${one.title}`, rest)))
      entries.push({
        id: `answer:${id}`,
        icon: 'approval',
        href: `/inbox/${id}`,
        text: `Answer \`${name}\``,
        note: title,
      });
  }
  if (verb === 'theme' || (has('theme', rest) && rest !== '')) {
    const word = verb === 'theme' ? rest : '';
    for (const name of ['light', 'dark', 'system'].filter((one) => has(one, word)))
      entries.push({ id: `theme:${name}`, icon: 'sun', act: 'theme', target: name, text: `Theme ${name}`, note: '' });
  }
  return entries;
}

export function entriesOf(text: string, known: Known): { name: string; entries: Entry[] }[] {
  const { verb, rest } = parse(text);
  const { runs, workflows, schedules, queues, views, pages, may } = known;
  const acts =
    rest === '' && verb === null ? [] : [...runActs(verb, rest, known), ...otherActs(verb, rest, known)].slice(0, 10);
  if (verb !== null) return acts.length === 0 ? [] : [{ name: 'Act', entries: acts }];
  const found = runs
    .filter(({ id, workflow }) => rest === '' || id.startsWith(rest.toLowerCase()) || has(workflow, rest))
    .slice(0, 5)
    .map((run): Entry => ({
      id: `run:${run.id}`,
      icon: 'runs',
      status: run.standing.kind === 'retry' ? 'retrying' : run.status,
      href: `/runs/${run.id}`,
      text: `\`${run.workflow} ${shortId(run.id)}\``,
      note: run.standing.text,
    }));
  const to: Entry[] = [
    ...pages
      .filter((page) => has(page.name, rest))
      .map((page): Entry => ({ id: `page:${page.href}`, icon: page.id, href: page.href, text: page.name, note: '' })),
    ...(may('run.read')
      ? views
          .filter((view) => rest !== '' && has(view.name, rest))
          .map((view): Entry => ({
            id: `view:${view.id}`,
            icon: 'runs',
            href: `/runs?view=${view.id}`,
            text: view.name,
            note: 'view',
          }))
      : []),
    ...(rest === ''
      ? []
      : workflows
          .filter((name) => has(name, rest))
          .slice(0, 6)
          .map((name): Entry => ({
            id: `workflow:${name}`,
            icon: 'workflows',
            href: `/workflows/${pathPart(name)}`,
            text: `Workflow \`${name}\``,
            note: '',
          }))),
    ...(rest === ''
      ? []
      : schedules
          .filter(({ name }) => has(name, rest))
          .slice(0, 6)
          .map(({ name }): Entry => ({
            id: `schedule:${name}`,
            icon: 'schedules',
            href: `/schedules/${pathPart(name)}`,
            text: `Schedule \`${name}\``,
            note: '',
          }))),
    ...(rest === ''
      ? []
      : queues
          .filter(({ name }) => has(name, rest))
          .map(({ name, ready }): Entry => ({
            id: `queue:${name}`,
            icon: 'queues',
            href: '/queues',
            text: `Queue \`${name}\``,
            note: `${ready} ready`,
          }))),
    ...(/error$/i.test(rest) && may('run.read')
      ? [
          {
            id: 'error',
            icon: 'runs',
            href: runsHref(filterOf({ error: rest, since: '24h' })),
            text: `Failed runs with \`${rest}\``,
            note: '',
          },
        ]
      : []),
  ];
  // Enter does the first one: whoever types the id of a run wants to see it, and not to have it started anew.
  return [
    { name: 'Runs', entries: found },
    { name: 'Go to', entries: to },
    { name: 'Act', entries: acts },
  ].filter(({ entries }) => entries.length > 0);
}
