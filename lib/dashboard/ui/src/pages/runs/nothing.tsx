import { useQuery } from '@tanstack/react-query';
import { Link } from 'wouter';
import { get } from '../../lib/api.js';
import { parseFilter, withoutTerm } from '../../lib/filter.js';
import type { Count } from '../../lib/types.js';
import { runsHref } from '../../lib/url.js';
import { Button } from '../../parts/button.js';
import { Empty } from '../../parts/states.js';
import { FirstRuns } from './first-runs.js';

/** An empty filter offers to drop each of its tokens. */
export function Nothing({ q, onChange, onStart }: { q: string; onChange: (q: string) => void; onStart: () => void }) {
  const terms = parseFilter(q);
  const any = useQuery({ queryKey: ['count', ''], queryFn: ({ signal }) => get<Count>('runs/count', {}, signal) });
  if (any.data === undefined) return null;
  if (any.data.n === 0) return <FirstRuns onStart={onStart} />;
  const free = terms.some(({ key }) => key === '');
  return (
    <Empty title="No run fits this filter">
      {free && (
        <p className="i2">
          A word without a key is the beginning of an id. Payloads are not searched: give runs tags, and filter by
          these.
        </p>
      )}
      <div className="btns">
        {terms.map((term, i) => (
          <Button key={i} onClick={() => onChange(withoutTerm(q, i))}>
            Without <code>{parseTermText(term)}</code>
          </Button>
        ))}
        <Link className="btn bare" href={runsHref('')}>
          All runs
        </Link>
      </div>
    </Empty>
  );
}

function parseTermText({ key, values, negated }: { key: string; values: readonly string[]; negated: boolean }): string {
  return `${negated ? '-' : ''}${key === '' ? '' : `${key}:`}${values.join(',')}`;
}
