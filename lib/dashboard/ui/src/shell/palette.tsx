import { useQuery } from '@tanstack/react-query';
import { type KeyboardEvent, useEffect, useId, useState } from 'react';
import { get, type Params } from '../lib/api.js';
import { useMay } from '../lib/me.js';
import { paletteOpen, takeTyped } from '../lib/palette-state.js';
import { pageOf } from '../lib/rows.js';
import { type Entry, entriesOf, type Known, parse } from '../lib/palette.js';
import { theme } from '../lib/theme.js';
import type { Input, Page, Queue, RunRow, Schedule, Workflow } from '../lib/types.js';
import { useUrl } from '../lib/url.js';
import { ownViews, BUILT_IN } from '../lib/views.js';
import { acts } from '../lib/acts.js';
import { Dialog } from '../parts/dialog.js';
import { glyphs, type Glyph } from '../parts/glyphs.js';
import { Icon, StatusIcon } from '../parts/icon.js';
import { Words } from '../parts/text.js';
import { titleOf } from '../pages/inbox/answer.js';
import { STATES_ALONE, useSections } from './nav.js';
import { MOD } from '../lib/keys.js';

/** Finds, and acts. */
export default function Palette() {
  const [text, setText] = useState(takeTyped);
  const [at, setAt] = useState(0);
  /** An act that needs a word. */
  const [asking, setAsking] = useState<{ entry: Entry; word: string } | null>(null);
  const { go } = useUrl();
  const known = useKnown(text);
  const id = useId();
  const groups = entriesOf(text, known);
  const all = groups.flatMap(({ entries }) => entries);
  useEffect(() => setAt(0), [text]);
  const close = (): void => paletteOpen.set(false);
  const run = (entry: Entry | undefined, tab: boolean): void => {
    if (entry === undefined) return;
    if (entry.href !== undefined) {
      close();
      if (tab) window.open(new URL(`.${entry.href}`, document.baseURI));
      else go(entry.href);
      return;
    }
    if (entry.ask !== undefined) {
      setAsking({ entry, word: '' });
      return;
    }
    close();
    perform(entry, '', go);
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault();
      setAt((was) => (was + (event.key === 'ArrowDown' ? 1 : -1) + all.length) % Math.max(1, all.length));
    } else if (event.key === 'Enter') {
      event.preventDefault();
      if (asking !== null) {
        close();
        perform(asking.entry, asking.word, go);
      } else run(all[at], event.metaKey || event.ctrlKey);
    } else if (event.key === 'Backspace' && asking?.word === '') setAsking(null);
  };
  return (
    <Dialog label="Search or act" className="pal" testId="palette" onClose={close}>
      <div className="pal-in">
        <Icon name="search" className="i3" />
        {asking !== null && (
          <span className="tok">
            <b>
              <Words text={asking.entry.text} />
            </b>
          </span>
        )}
        <input
          autoFocus
          role="combobox"
          aria-label={asking?.entry.ask ?? 'Search or act'}
          aria-expanded="true"
          aria-controls={id}
          aria-activedescendant={all[at] === undefined ? undefined : `${id}-${at}`}
          placeholder={asking?.entry.ask ?? 'A run, a page, or an act such as retry, pause queue, start'}
          spellCheck={false}
          autoComplete="off"
          value={asking === null ? text : asking.word}
          onChange={(event) =>
            asking === null ? setText(event.target.value) : setAsking({ ...asking, word: event.target.value })
          }
          onKeyDown={onKeyDown}
        />
      </div>
      <div role="listbox" aria-label="Results" id={id} className="pal-l">
        {asking === null &&
          groups.map(({ name, entries }) => (
            <div key={name} role="group" aria-label={name}>
              <h3 role="presentation">{name}</h3>
              {entries.map((entry) => {
                const i = all.indexOf(entry);
                return (
                  <div
                    key={entry.id}
                    id={`${id}-${i}`}
                    className={`pal-i ${i === at ? 'on' : ''}`}
                    role="option"
                    aria-selected={i === at}
                    onPointerMove={() => setAt(i)}
                    onClick={(event) => run(entry, event.metaKey || event.ctrlKey)}
                  >
                    {entry.status !== undefined ? (
                      <StatusIcon status={entry.status} />
                    ) : (
                      <Icon name={entry.icon in glyphs ? (entry.icon as Glyph) : 'step'} />
                    )}
                    <span className="cut">
                      <Words text={entry.text} />
                    </span>
                    <span className="note">
                      <Words text={entry.note} />
                    </span>
                  </div>
                );
              })}
            </div>
          ))}
        {asking === null && all.length === 0 && (
          <p className="note pal-no">Nothing fits. Payloads are not searched; tags are.</p>
        )}
      </div>
      <div className="pal-f" aria-hidden="true">
        <span>
          <kbd>↑</kbd> <kbd>↓</kbd> choose
        </span>
        <span>
          <kbd>↵</kbd> do it
        </span>
        <span>
          <kbd>{MOD} ↵</kbd> new tab
        </span>
        <span className="right">
          <kbd>esc</kbd>
        </span>
      </div>
    </Dialog>
  );
}

function perform(entry: Entry, word: string, go: (href: string) => void): void {
  const { act, target = '' } = entry;
  const open = (started: { id: string } | null): void => {
    if (started !== null) go(`/runs/${started.id}`);
  };
  switch (act) {
    case 'retry':
      void acts.retry(target).then(open);
      return;
    case 'restart':
      void acts.restart(target, word).then(open);
      return;
    case 'cancel':
      return acts.cancel(target, word, false);
    case 'pause':
      return acts.pause(target);
    case 'resume':
      return acts.resume(target);
    case 'pause queue':
      return acts.pauseQueue(target);
    case 'resume queue':
      return acts.resumeQueue(target);
    case 'run now':
      void acts.trigger(target);
      return;
    case 'theme':
      return theme.set(target as 'light' | 'dark' | 'system');
    default:
  }
}

function useKnown(text: string): Known {
  const may = useMay();
  const { verb, rest } = parse(text);
  const word = verb === null ? text.trim() : rest;
  const isId = /^[0-9a-f-]{4,}$/i.test(word);
  const runs = useQuery({
    queryKey: ['runs', 'palette', isId ? word : ''],
    queryFn: ({ signal }) => get<Page<RunRow>>('runs', { q: isId ? word : '', limit: 12 }, signal),
    enabled: may('run.read'),
    placeholderData: (before) => before,
  });
  const list = <T,>(path: string, key: string[], action: string, params: Params = {}) => ({
    queryKey: key,
    queryFn: ({ signal }: { signal: AbortSignal }) => get<Page<T>>(path, params, signal),
    enabled: may(action),
    staleTime: 10_000,
  });
  const workflows = useQuery(list<Workflow>('workflows', ['workflows', 'names'], 'workflow.read'));
  const schedules = useQuery(list<Schedule>('schedules', ['schedules', 'states'], 'schedule.read', STATES_ALONE));
  const queues = useQuery(list<Queue>('queues', ['queues', 'all'], 'queue.read'));
  const inputs = useQuery(list<Input>('inputs', ['inputs', 'palette'], 'input.read'));
  return {
    may,
    runs: runs.data === undefined ? [] : pageOf(runs.data).items,
    workflows: workflows.data?.items.map(({ name }) => name) ?? [],
    schedules: schedules.data?.items.map(({ name, enabled }) => ({ name, enabled })) ?? [],
    queues: queues.data?.items.map(({ name, paused, ready }) => ({ name, paused, ready })) ?? [],
    inputs: inputs.data?.items.map((input) => ({ id: input.id, name: input.name, title: titleOf(input) })) ?? [],
    views: [...BUILT_IN, ...ownViews.use()],
    pages: [...useSections(), ...(may('audit.read') ? [{ id: 'history', name: 'Audit', href: '/audit' }] : [])],
  };
}
