import { useQuery } from '@tanstack/react-query';
import { Link } from 'wouter';
import { get } from '../../lib/api.js';
import { parseFilter } from '../../lib/filter.js';
import { useMay } from '../../lib/me.js';
import type { Count } from '../../lib/types.js';
import { hrefOf, useUrl } from '../../lib/url.js';
import { BUILT_IN, ownViews, type View } from '../../lib/views.js';
import { count, isUnknown } from '../../lib/words.js';
import { Button } from '../../parts/button.js';

export function Views({ q, view }: { q: string; view: string | null }) {
  const own = ownViews.use();
  const { params, path } = useUrl();
  const all = [...BUILT_IN, ...own];
  const here = all.find((one) => one.id === view) ?? all.find((one) => one.q === q && one.id !== 'people');
  return (
    <div className="views" data-testid="views">
      <div className="contents" role="tablist" aria-label="Saved views">
        {all.map((one) => (
          <Link
            key={one.id}
            role="tab"
            aria-selected={one === here}
            href={hrefOf(path, params, { view: one.id, q: BUILT_IN.includes(one) ? null : one.q })}
          >
            {one.name}
            <ViewCount view={one} />
          </Link>
        ))}
      </div>
      {here === undefined && (
        <Button look="bare sm" onClick={() => save(q)}>
          Save view
        </Button>
      )}
      {here !== undefined && own.includes(here) && (
        <Button look="bare sm" onClick={() => ownViews.set((was) => was.filter((one) => one !== here))}>
          Remove view
        </Button>
      )}
    </div>
  );
}

function save(q: string): void {
  const name = parseFilter(q)
    .flatMap(({ values }) => values)
    .slice(0, 2)
    .join(', ');
  ownViews.set((was) => [...was, { id: `own-${Date.now().toString(36)}`, name: name === '' ? 'View' : name, q }]);
}

function ViewCount({ view }: { view: View }) {
  const people = view.id === 'people';
  const may = useMay();
  const { data } = useQuery({
    queryKey: people ? ['inputs-count'] : ['count', view.q],
    queryFn: ({ signal }) =>
      people ? get<Count>('inputs/count', {}, signal) : get<Count>('runs/count', { q: view.q }, signal),
    enabled: view.id !== 'all' && BUILT_IN.includes(view) && (!people || may('input.read')),
    staleTime: 15_000,
  });
  if (data === undefined || view.id === 'all' || isUnknown(data)) return null;
  return <small>{data.more ? `${count(data.n)}+` : count(data.n)}</small>;
}
