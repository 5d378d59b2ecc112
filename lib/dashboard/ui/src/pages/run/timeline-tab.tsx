import { useNow } from '../../lib/clock.js';
import { isEnded } from '../../lib/tree-node.js';
import type { Run } from '../../lib/types.js';
import { useUrl } from '../../lib/url.js';
import { Skeleton, Trouble } from '../../parts/states.js';
import { Inspector } from './inspector.js';
import { useTree } from './run-data.js';
import { Timeline } from './timeline.js';

/** `quiet`: something else stands at the right. */
export function TimelineTab({ run, quiet }: { run: Run; quiet: boolean }) {
  const { tree, loading, error, again } = useTree(run);
  const { params, set } = useUrl();
  const chosen = params.get('step');
  const now = useNow(isEnded(run.status) ? null : 1000);
  const select = (id: string | null): void => set({ step: id }, chosen !== null);
  const open = chosen !== null && !quiet;
  return (
    <div className={open ? 'split' : 'split one'}>
      <div className="l">
        {error !== null && <Trouble error={error} again={again} />}
        {loading ? (
          <Skeleton rows={10} height={28} />
        ) : (
          <Timeline run={run} tree={tree} now={now} selected={chosen} onSelect={select} />
        )}
      </div>
      {open && <Inspector run={run} tree={tree} id={chosen} onClose={() => select(null)} onSelect={select} />}
    </div>
  );
}
