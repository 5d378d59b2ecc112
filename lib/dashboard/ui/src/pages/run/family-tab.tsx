import { Link } from 'wouter';
import type { Run, RunRow } from '../../lib/types.js';
import { runHref, runsHref } from '../../lib/url.js';
import { count, counted, shortId, within } from '../../lib/words.js';
import { statusOf, StatusWord, statusText } from '../../parts/icon.js';
import { Empty, Skeleton, Trouble } from '../../parts/states.js';
import { Ago } from '../../parts/text.js';
import { StandingText } from '../runs/standing-text.js';
import { useFamily } from './run-data.js';

/** Where the run comes from, and what it has started. */
export default function FamilyTab({ run }: { run: Run }) {
  const { data, isPending, error, refetch } = useFamily(run.id);
  if (isPending) return <Skeleton rows={6} />;
  if (data === undefined) return <Trouble error={error} again={() => void refetch()} />;
  const { parents, retryOf, retries, children } = data;
  const kids = children.items;
  const alone = parents.length === 0 && retryOf === null && retries.length === 0 && kids.length === 0;
  return (
    <div className="split one">
      <div className="l family" data-testid="family">
        {alone && (
          <Empty title="This run stands alone">
            <p className="i2">It has no parent, has started no children, and is no retry of another one.</p>
          </Empty>
        )}
        {retryOf !== null && <Group name="Is a retry of" runs={[retryOf]} />}
        {!alone && (
          <section>
            <h4>Tree</h4>
            {parents.map((parent, i) => (
              <Kin key={parent.id} run={parent} depth={i} />
            ))}
            <Kin run={run} depth={parents.length} here />
            {kids.map((child) => (
              <Kin key={child.id} run={child} depth={parents.length + 1} />
            ))}
            {(children.next ?? null) !== null && (
              <Link className="btn sm" href={runsHref(`parent:${run.id}`)}>
                All {within(counted(run.childCount))} children
              </Link>
            )}
          </section>
        )}
        {kids.length > 0 && (
          <p className="note in">
            {Object.entries(data.counts ?? {})
              .filter(([, n]) => (n ?? 0) > 0)
              .map(([status, n]) => `${count(n ?? 0)} ${statusText(status).toLowerCase()}`)
              .join(', ')}
          </p>
        )}
        {retries.length > 0 && <Group name="Was retried as" runs={retries} />}
      </div>
    </div>
  );
}

function Group({ name, runs }: { name: string; runs: readonly (RunRow | string)[] }) {
  return (
    <section>
      <h4>{name}</h4>
      {runs.map((run) =>
        typeof run === 'string' ? (
          <p className="pad" key={run}>
            <Link className="u m" href={runHref(run)}>
              {shortId(run)}
            </Link>
          </p>
        ) : (
          <Kin key={run.id} run={run} depth={0} />
        ),
      )}
    </section>
  );
}

function Kin({ run, depth, here = false }: { run: RunRow; depth: number; here?: boolean }) {
  return (
    <div
      className={`tr link ${here ? 'on' : ''}`}
      style={{ '--cols': '132px minmax(0,1fr) minmax(0,1.4fr) 92px', '--cols-n': '124px minmax(0,1fr)' }}
      aria-current={here ? 'true' : undefined}
    >
      <StatusWord status={statusOf(run)} quiet />
      <span className="cut" style={{ paddingLeft: depth * 18 }}>
        {depth > 0 && <span className="i3">↳ </span>}
        <code className="b">{run.workflow}</code>{' '}
        {here ? (
          <code className="i3">{shortId(run.id)}</code>
        ) : (
          <Link className="m i3 stretch" href={runHref(run.id)}>
            {shortId(run.id)}
          </Link>
        )}
      </span>
      <span className="cut i2 wid">
        <StandingText run={run} />
      </span>
      <span className="num i3 wid">
        <Ago at={run.startedAt ?? run.createdAt} />
      </span>
    </div>
  );
}
