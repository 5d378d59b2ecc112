import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { apiUrl, get } from '../../lib/api.js';
import { markOf, sizeOf } from '../../lib/json.js';
import { isEnded } from '../../lib/tree-node.js';
import type { Run } from '../../lib/types.js';
import { bytes } from '../../lib/words.js';
import { copy } from '../../lib/clipboard.js';
import { Button, Segments } from '../../parts/button.js';
import { JsonView } from '../../parts/json-view.js';
import { ErrorView } from '../../parts/error-view.js';
import { Icon } from '../../parts/icon.js';

/** What went into the run, and what it holds or has become. */
export default function DataTab({ run }: { run: Run }) {
  const [find, setFind] = useState('');
  const [how, setHow] = useState<'tree' | 'raw'>('tree');
  const [full, setFull] = useState(false);
  const whole = useQuery({
    queryKey: ['run', run.id, 'full'],
    queryFn: ({ signal }) => get<Run>(`runs/${run.id}`, { full: 1 }, signal),
    enabled: full,
  });
  const { input, data } = whole.data ?? run;
  const cut = [run.input, run.data].some((value) => markOf(value)?.kind === 'cut');
  const result = run.status === 'completed' ? 'Result' : 'Data';
  return (
    <div className="split one">
      <div className="l" data-testid="data">
        <div className="tl-bar">
          <Segments
            label="View"
            value={how}
            options={[
              ['tree', 'Tree'],
              ['raw', 'Raw'],
            ]}
            onChange={setHow}
          />
          <span className="field find">
            <Icon name="search" />
            <input
              aria-label="Search in the data"
              placeholder="Search"
              value={find}
              onChange={(event) => setFind(event.target.value)}
            />
          </span>
          <span className="grow" />
          {cut && !full && (
            <Button look="sm" onClick={() => setFull(true)}>
              Load all of it
            </Button>
          )}
          <a className="btn sm" href={apiUrl(`runs/${run.id}`, { full: 1, download: 1 })} download>
            <Icon name="download" />
            Download
          </a>
        </div>
        {run.error !== null && (
          <section className="data-s">
            <h4>Error</h4>
            <ErrorView error={run.error} />
          </section>
        )}
        <div className="data-g">
          <Part name="Input" value={input} find={find} raw={how === 'raw'} />
          <Part
            name={result}
            value={data}
            find={find}
            raw={how === 'raw'}
            note={isEnded(run.status) ? undefined : 'as the last completed step left it'}
          />
        </div>
      </div>
    </div>
  );
}

function Part({
  name,
  value,
  find,
  raw,
  note,
}: {
  name: string;
  value: unknown;
  find: string;
  raw: boolean;
  note?: string;
}) {
  const text = JSON.stringify(value, null, 2) ?? 'undefined';
  return (
    <section className="data-s" aria-label={name}>
      <h4>
        {name}{' '}
        <span className="note">
          {bytes(sizeOf(value))}
          {note === undefined ? '' : `, ${note}`}
        </span>
        <Button
          look="bare sm"
          icon="copy"
          aria-label={`Copy ${name.toLowerCase()}`}
          onClick={() => copy(text, `${name} is copied`)}
        />
      </h4>
      <div className="well">
        {raw ? <pre className="json raw">{text}</pre> : <JsonView value={value} find={find} tools depth={4} />}
      </div>
    </section>
  );
}
