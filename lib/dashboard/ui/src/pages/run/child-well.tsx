import { useQuery } from '@tanstack/react-query';
import { Link } from 'wouter';
import { get } from '../../lib/api.js';
import { runOf } from '../../lib/rows.js';
import { isEnded } from '../../lib/tree-node.js';
import { type Run } from '../../lib/types.js';
import { runHref } from '../../lib/url.js';
import { shortId } from '../../lib/words.js';
import { Icon, StatusWord } from '../../parts/icon.js';
import { CHILD_PACE } from './timeline-rows.js';
import { Words } from '../../parts/text.js';

export function ChildWell({ childId }: { childId: string }) {
  const { data } = useQuery({
    queryKey: ['run', childId],
    queryFn: async ({ signal }) => runOf(await get<Run>(`runs/${childId}`, {}, signal)),
    // The page hears of the parent alone.
    refetchInterval: ({ state }) => (state.data !== undefined && isEnded(state.data.status) ? false : CHILD_PACE),
  });
  return (
    <div className="well gap-t">
      <div className="row">
        <Icon name="child" className="s-wait" />
        <Link className="u m" href={runHref(childId)}>
          {data?.workflow ?? 'child'} {shortId(childId)}
        </Link>
        {data !== undefined && <StatusWord status={data.status} quiet />}
      </div>
      {data !== undefined && (
        <p className="i2 in">
          <Words text={data.standing.title} />
        </p>
      )}
    </div>
  );
}
