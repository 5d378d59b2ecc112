import { useQuery } from '@tanstack/react-query';
import { Link } from 'wouter';
import { get, part } from '../../lib/api.js';
import { workflowsOf } from '../../lib/rows.js';
import { useMay } from '../../lib/me.js';
import type { Page, Workflow } from '../../lib/types.js';
import { plural } from '../../lib/words.js';
import { Button } from '../../parts/button.js';
import { Icon } from '../../parts/icon.js';
import { Code, Empty } from '../../parts/states.js';

/** Where nothing has run yet: what there is, and how to start it. */
export function FirstRuns({ onStart }: { onStart: () => void }) {
  const may = useMay();
  const { data } = useQuery({
    queryKey: ['workflows', ''],
    queryFn: async ({ signal }) => workflowsOf(await get<Page<Workflow>>('workflows', {}, signal)),
    enabled: may('workflow.read'),
  });
  const known = data?.items ?? [];
  const first = known[0]?.name ?? 'process_order';
  return (
    <Empty
      title={data === undefined ? 'No run yet.' : `No run yet. This app knows ${plural(known.length, 'workflow')}.`}
    >
      <p className="i2">
        Start one from here, from the command line, or from your code. It shows up on this page as soon as it is stored.
      </p>
      {known.length > 0 && (
        <div className="tbl framed">
          {known.slice(0, 6).map(({ name, graph }) => (
            <div className="tr" key={name} style={{ '--cols': 'minmax(0,170px) minmax(0,1fr) auto' }}>
              <code className="b cut">{name}</code>
              <span className="i3 cut">{graph.nodes.map((node) => node.name).join(', ')}</span>
              {may('run.start') && (
                <Link className="btn sm" href={`/workflows/${part(name)}?start=1`}>
                  <Icon name="play" />
                  Start
                </Link>
              )}
            </div>
          ))}
        </div>
      )}
      {may('run.start') && known.length > 6 && <Button onClick={onStart}>Start a run</Button>}
      <Code>
        <i>{'// anywhere DurableClient is injected'}</i>
        {'\nconst run = await this.durable.'}
        <b>start</b>
        {`('${first}', { … });`}
      </Code>
      <Code>
        <i>$</i>
        {' npx nest-durable '}
        <b>run</b>
        {` ${first} --input '{ … }'`}
      </Code>
    </Empty>
  );
}
