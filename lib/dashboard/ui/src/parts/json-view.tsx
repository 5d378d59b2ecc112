import { useMemo, useState } from 'react';
import { copy } from '../lib/clipboard.js';
import { diff, type DiffLine } from '../lib/diff.js';
import { type JsonLine, jsonLines, LONGEST, markOf, valueAt } from '../lib/json.js';
import { bytes } from '../lib/words.js';
import { Icon } from './icon.js';
import { Linked } from './text.js';

/** Lines drawn at most, until more are asked for. */
const MOST = 2000;

interface Props {
  value: unknown;
  /** Levels that stand open. */
  depth?: number;
  /** Lines that have it stand out. */
  find?: string;
  tools?: boolean;
}

/** A payload with folding; each line can be copied, as its value or as its path. */
export function JsonView({ value, depth = 3, find = '', tools = false }: Props) {
  const [folds, setFolds] = useState<ReadonlyMap<string, boolean>>(new Map());
  const [most, setMost] = useState(MOST);
  const lines = useMemo(
    () =>
      jsonLines(value, (path, level, size) => folds.get(path) ?? (find === '' && (level >= depth || size > 100)), most),
    [value, folds, depth, find, most],
  );
  const mark = markOf(value);
  if (mark?.kind === 'hidden') return <p className="note">You may not see payloads here</p>;
  const hit = (line: JsonLine): boolean =>
    find !== '' && `${line.key ?? ''} ${line.text}`.toLowerCase().includes(find.toLowerCase());
  return (
    <div className="json" role="group" aria-label="Value">
      {lines.map((line, i) => (
        <Line
          key={i}
          line={line}
          hit={hit(line)}
          value={value}
          tools={tools}
          onFold={(path, folded) => setFolds((was) => new Map(was).set(path, folded))}
        />
      ))}
      {lines.length >= most && (
        <button type="button" className="plain u note" onClick={() => setMost(most + 10_000)}>
          More lines
        </button>
      )}
    </div>
  );
}

function Line({
  line,
  hit,
  value,
  tools,
  onFold,
}: {
  line: JsonLine;
  hit: boolean;
  value: unknown;
  tools: boolean;
  onFold: (path: string, folded: boolean) => void;
}) {
  const { path, depth, key, kind, text, type, size, folded, comma } = line;
  const [whole, setWhole] = useState(false);
  const long = text.length > LONGEST && !whole;
  return (
    <span className={`l ${hit ? 'hit' : ''}`} style={{ paddingLeft: `${depth * 2}ch` }}>
      {kind === 'open' && (
        <button
          type="button"
          className="fold"
          aria-expanded={folded !== true}
          aria-label={`${path === '' ? 'The whole' : path}, ${size} inside`}
          onClick={() => onFold(path, folded !== true)}
        >
          <Icon name={folded === true ? 'chev' : 'chevd'} />
        </button>
      )}
      {key !== null && (
        <>
          <span className="k">{JSON.stringify(key)}</span>
          {': '}
        </>
      )}
      {type !== undefined && <span className="x type">{type} </span>}
      <span
        className={
          kind === 'string'
            ? 's'
            : kind === 'number' || kind === 'mark'
              ? 'd'
              : kind === 'word' && !text.startsWith('[')
                ? 'd'
                : ''
        }
      >
        {kind === 'string' && /https?:\/\//.test(text) ? (
          <Linked text={long ? text.slice(0, LONGEST) : text} />
        ) : long ? (
          text.slice(0, LONGEST)
        ) : (
          text
        )}
      </span>
      {long && (
        <button type="button" className="plain u note" onClick={() => setWhole(true)}>
          … {bytes(text.length)}
        </button>
      )}
      {folded === true && <span className="x"> {size}</span>}
      {comma && ','}
      {tools && kind !== 'close' && (
        <span className="tools">
          <button
            type="button"
            className="plain"
            aria-label={`Copy the value at ${path}`}
            title="Copy the value"
            onClick={() => copy(textOf(valueAt(value, path)), 'The value is copied')}
          >
            <Icon name="copy" />
          </button>
          {path !== '' && (
            <button
              type="button"
              className="plain"
              aria-label={`Copy the path ${path}`}
              title="Copy the path"
              onClick={() => copy(path, 'The path is copied')}
            >
              <Icon name="link" />
            </button>
          )}
        </span>
      )}
    </span>
  );
}

const textOf = (value: unknown): string =>
  typeof value === 'string' ? value : (JSON.stringify(value, null, 2) ?? 'undefined');

export function DiffLines({ lines, testId }: { lines: readonly DiffLine[]; testId?: string }) {
  return (
    <div className="json" data-testid={testId}>
      {lines.map(({ kind, depth, key, text }, i) => (
        <span key={i} className={`l ${kind === 'same' ? '' : kind}`}>
          {kind === 'add' ? '+ ' : kind === 'del' ? '− ' : '  '}
          {'  '.repeat(depth)}
          {key !== null && (
            <>
              <span className="k">{JSON.stringify(key)}</span>
              {': '}
            </>
          )}
          <Scalar text={text} />
        </span>
      ))}
    </div>
  );
}

function Scalar({ text }: { text: string }) {
  const kind = text.startsWith('"')
    ? /^"(?:[^"\\]|\\.)*":/.test(text)
      ? ''
      : 's'
    : /^(-?\d|true|false|null)/.test(text)
      ? 'd'
      : '';
  return <span className={kind}>{text}</span>;
}

export function DiffView({ before, after, testId }: { before: unknown; after: unknown; testId?: string }) {
  const lines = useMemo(() => diff(before, after), [before, after]);
  if (lines.length === 0) return <p className="note">Nothing differs</p>;
  return <DiffLines lines={lines} testId={testId} />;
}
