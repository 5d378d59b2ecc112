import { useQuery } from '@tanstack/react-query';
import { type KeyboardEvent, useEffect, useId, useRef, useState } from 'react';
import { get } from '../../lib/api.js';
import {
  asksServer,
  FILTER_KEYS,
  FIXED_VALUES,
  formatFilter,
  formatTerm,
  isWhole,
  parseFilter,
  type Term,
  typing,
} from '../../lib/filter.js';
import { useKeys } from '../../lib/keys.js';
import { Float } from '../../parts/float.js';
import { Icon } from '../../parts/icon.js';
import { count } from '../../lib/words.js';

interface Suggestion {
  readonly text: string;
  readonly note: string | null;
  readonly draft: string;
  /** Whether it ends the term. */
  readonly ends: boolean;
}

type Suggested = string | { value: string; n?: number };

/** Tokens and a place to type: Enter or a blank ends a term, ⌫ takes the last one back. */
export function FilterBar({ q, onChange }: { q: string; onChange: (q: string) => void }) {
  const terms = parseFilter(q);
  const [draft, setDraft] = useState('');
  const [open, setOpen] = useState(false);
  const [at, setAt] = useState(-1);
  const box = useRef<HTMLDivElement>(null);
  const input = useRef<HTMLInputElement>(null);
  const anchor = useRef(() => box.current);
  const id = useId();
  const suggestions = useSuggestions(draft, open);
  useKeys({ '/': () => input.current?.focus() });
  useEffect(() => setAt(-1), [draft]);

  const put = (next: readonly Term[]): void => onChange(formatFilter(next));
  const add = (text: string): void => {
    const [term] = parseFilter(text);
    if (term === undefined || term.values.length === 0) return;
    const same = terms.findIndex((one) => one.key !== '' && one.key === term.key && one.negated === term.negated);
    put(same === -1 ? [...terms, term] : terms.map((one, i) => (i === same ? term : one)));
    setDraft('');
  };
  const choose = ({ draft: chosen, ends }: Suggestion): void => {
    if (ends) add(chosen);
    else setDraft(chosen);
    input.current?.focus();
  };
  const onKeyDown = (event: KeyboardEvent<HTMLInputElement>): void => {
    const { key } = event;
    if (key === 'ArrowDown' || key === 'ArrowUp') {
      event.preventDefault();
      const n = suggestions.length;
      if (n > 0)
        setAt((was) => (was + (key === 'ArrowDown' ? 1 : -1) + n + (was === -1 && key === 'ArrowUp' ? 1 : 0)) % n);
      setOpen(true);
    } else if (key === 'Enter' || key === 'Tab') {
      const chosen = suggestions[at];
      if (chosen !== undefined && open) {
        event.preventDefault();
        choose(chosen);
      } else if (key === 'Enter' && isWhole(draft)) {
        event.preventDefault();
        add(draft);
      }
    } else if (key === ' ' && isWhole(draft)) {
      event.preventDefault();
      add(draft);
    } else if (key === 'Backspace' && draft === '' && terms.length > 0) {
      event.preventDefault();
      const last = terms.at(-1);
      put(terms.slice(0, -1));
      if (last !== undefined) setDraft(formatTerm(last));
    } else if (key === 'Escape') {
      if (open && suggestions.length > 0) setOpen(false);
      else input.current?.blur();
    }
  };
  return (
    <div className="filter" role="search" data-testid="filter" ref={box} onClick={() => input.current?.focus()}>
      <Icon name="search" />
      {terms.map((term, i) => (
        <span className="tok" key={`${formatTerm(term)}${i}`}>
          <i>
            {term.negated ? '-' : ''}
            {term.key === '' ? '' : `${term.key}:`}
          </i>
          <b>{formatTerm({ ...term, key: '', negated: false })}</b>
          <button
            type="button"
            aria-label={`Remove ${term.key === '' ? 'id' : term.key}`}
            onClick={(event) => {
              event.stopPropagation();
              put(terms.filter((_, j) => j !== i));
            }}
          >
            ×
          </button>
        </span>
      ))}
      <input
        ref={input}
        value={draft}
        data-testid="filter-input"
        aria-label="Filter runs"
        role="combobox"
        aria-expanded={open && suggestions.length > 0}
        aria-controls={id}
        aria-autocomplete="list"
        aria-activedescendant={at >= 0 ? `${id}-${at}` : undefined}
        spellCheck={false}
        autoComplete="off"
        placeholder={terms.length === 0 || draft === '' ? 'Filter by status, workflow, error, tag, id…' : ''}
        onChange={(event) => {
          setDraft(event.target.value);
          setOpen(true);
        }}
        onFocus={() => setOpen(true)}
        onBlur={() => setOpen(false)}
        onKeyDown={onKeyDown}
      />
      <Float
        open={open && suggestions.length > 0}
        onClose={() => undefined}
        anchor={anchor.current}
        placement="bottom-start"
        manual
        className="menu suggest"
        role="listbox"
        id={id}
        label="Suggestions"
      >
        {suggestions.map((suggestion, i) => (
          <div
            key={suggestion.draft}
            id={`${id}-${i}`}
            className={`pal-i ${i === at ? 'on' : ''}`}
            role="option"
            aria-selected={i === at}
            onPointerDown={(event) => {
              event.preventDefault();
              choose(suggestion);
            }}
          >
            <Hit text={suggestion.text} part={typing(draft).text} />
            <span className="note tab-n">{suggestion.note}</span>
          </div>
        ))}
      </Float>
    </div>
  );
}

/** The part that was typed stands out. */
function Hit({ text, part }: { text: string; part: string }) {
  const at = part === '' ? -1 : text.toLowerCase().indexOf(part.toLowerCase());
  if (at === -1) return <span className="m cut">{text}</span>;
  return (
    <span className="m cut">
      {text.slice(0, at)}
      <b className="b">{text.slice(at, at + part.length)}</b>
      {text.slice(at + part.length)}
    </span>
  );
}

const NOTES: Record<string, string> = {
  status: 'failed, waiting, …',
  error: 'name of an error',
  since: '24h, or a time',
  until: 'a time',
  took: '>1h, <10s',
  root: 'yes: no children',
  id: 'or its beginning, without a key',
  retrying: 'yes, no',
  parent: 'id of a run',
};

function useSuggestions(draft: string, open: boolean): Suggestion[] {
  const { key, text, negated } = typing(draft);
  const minus = negated ? '-' : '';
  const asks = key !== null && asksServer(key);
  const { data } = useQuery({
    queryKey: ['suggest', key, text],
    queryFn: ({ signal }) => get<{ items: Suggested[] } | Suggested[]>('runs/suggest', { key, text }, signal),
    enabled: open && asks,
    staleTime: 30_000,
    placeholderData: (before) => before,
  });
  if (!open) return [];
  const fits = (value: string): boolean => value.toLowerCase().includes(text.toLowerCase());
  if (key === null) {
    const keys = [...FILTER_KEYS.map((name) => `${name}:`), 'tag.'];
    return keys
      .filter(fits)
      .map((name) => ({ text: name, note: NOTES[name.slice(0, -1)] ?? null, draft: `${minus}${name}`, ends: false }));
  }
  const whole = (value: string): string => {
    const before = draft.slice(0, draft.lastIndexOf(text, draft.length));
    return `${text === '' ? draft : before}${/[\s",]/.test(value) ? `"${value.replaceAll('"', '\\"')}"` : value}`;
  };
  const items: Suggested[] = asks ? (Array.isArray(data) ? data : (data?.items ?? [])) : [...(FIXED_VALUES[key] ?? [])];
  return items
    .map((item) => (typeof item === 'string' ? { value: item, n: undefined } : item))
    .filter(({ value }) => fits(value))
    .slice(0, 20)
    .map(({ value, n }) => ({ text: value, note: n === undefined ? null : count(n), draft: whole(value), ends: true }));
}
