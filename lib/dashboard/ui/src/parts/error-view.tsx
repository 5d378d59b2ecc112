import { useState } from 'react';
import type { StoredError } from '../lib/types.js';
import { Linked } from './text.js';

const KNOWN = new Set(['name', 'message', 'code', 'stack', 'cause']);

/** An error with its stack; lines of packages are folded away. */
export function ErrorView({ error, plain = false }: { error: StoredError; plain?: boolean }) {
  const { name, message, code, stack, cause } = error;
  const fields = Object.entries(error).filter(([key]) => !KNOWN.has(key));
  return (
    <div className={`well ${plain ? '' : 'fail'}`}>
      <p className="m b s-fail">
        {name} {code !== undefined && <span className="i2 code-of">{code}</span>}
      </p>
      <p className="msg">
        <Linked text={message} />
      </p>
      {fields.length > 0 && (
        <dl className="facts">
          {fields.slice(0, 12).map(([key, value]) => (
            <div key={key} className="contents">
              <dt>{key}</dt>
              <dd className="m">{typeof value === 'string' ? value : JSON.stringify(value)}</dd>
            </div>
          ))}
        </dl>
      )}
      {typeof stack === 'string' && <Stack text={stack} />}
      {cause !== undefined && cause !== null && typeof cause === 'object' && (
        <p className="row cause">
          <span className="note">caused by</span> <code>{cause.name}</code>{' '}
          <span className="i2 cut">{cause.message}</span>
        </p>
      )}
    </div>
  );
}

/** `at World.charge (world.ts:48:13)`: which file is told by its name; the whole path is the line's title. */
function nameOnly(line: string): string {
  return line.replace(/(\(|\s)(?:file:\/\/)?[^\s()]*[\\/]([^\s()\\/]+:\d+:\d+)/, '$1$2');
}

function Stack({ text }: { text: string }) {
  const [all, setAll] = useState(false);
  const lines = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line.startsWith('at '));
  const own = lines.filter((line) => !/node_modules|node:/.test(line));
  const rest = lines.length - own.length;
  if (lines.length === 0) return null;
  return (
    <div className="json stack">
      {(all ? lines : own.slice(0, 6)).map((line, i) => (
        <span key={i} className="l" title={line}>
          {nameOnly(line)}
        </span>
      ))}
      {!all && (rest > 0 || own.length > 6) && (
        <button type="button" className="plain x" onClick={() => setAll(true)}>
          {rest > 0 ? `${rest} lines of node_modules` : `${own.length - 6} more`}
        </button>
      )}
    </div>
  );
}
