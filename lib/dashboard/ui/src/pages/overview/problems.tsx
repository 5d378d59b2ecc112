import { Link } from 'wouter';
import { acts } from '../../lib/acts.js';
import { part } from '../../lib/api.js';
import { useMay } from '../../lib/me.js';
import type { Overview, Problem } from '../../lib/types.js';
import { runHref, runsHref } from '../../lib/url.js';
import { count } from '../../lib/words.js';
import { Button } from '../../parts/button.js';
import { Spark } from '../../parts/charts.js';
import { Icon, StatusIcon } from '../../parts/icon.js';
import { Ago, At, Words } from '../../parts/text.js';

/** What is wrong, worst first, each with the act that helps. */
export function Problems({
  data: { problems, queues },
  span,
}: {
  data: Pick<Overview, 'problems' | 'queues'>;
  span: string;
}) {
  if (problems.length === 0) return <div className="hl" data-testid="problems" />;
  return (
    <ul className="alerts" data-testid="problems" aria-label="Problems">
      {problems.map((problem, i) => (
        <li
          key={i}
          className={`alert ${problem.state === 'bad' && i === 0 && problem.kind === 'failures' ? 'hot' : ''}`}
          data-testid={`problem-${problem.kind}`}
        >
          {problem.state === 'bad' ? (
            problem.kind === 'failures' ? (
              <StatusIcon status="failed" />
            ) : (
              <StatusIcon status="compensation_failed" />
            )
          ) : (
            <Icon name="warn" className="s-wait" />
          )}
          <div>
            <p>
              <Words text={problem.title} />
            </p>
            <p className="sub">
              <Since problem={problem} />
              {problem.detail !== null && <Words text={problem.detail} />}
              {problem.lastAt !== undefined && (
                <>
                  {' '}
                  Last one <Ago at={problem.lastAt} />.
                </>
              )}
            </p>
          </div>
          <div className="spark">
            {(problem.spark ?? null) !== null && problem.spark !== null && (
              <Spark
                values={problem.spark}
                width={112}
                height={22}
                hot={problem.state === 'bad' ? 'var(--fail-f)' : 'var(--wait-f)'}
              />
            )}
          </div>
          <div className="btns">
            <Acts problem={problem} queues={queues} span={span} />
          </div>
        </li>
      ))}
    </ul>
  );
}

function Since({ problem: { kind, n, more, since } }: { problem: Problem }) {
  if (kind !== 'failures' || (n ?? null) === null || n === null) return null;
  return (
    <>
      <b className="b s-fail">
        {count(n)} runs{more && ' or more'}
        {(since ?? null) !== null && since !== null && (
          <>
            {' '}
            since <At at={since} grain="minute" />
          </>
        )}
      </b>
      {'. '}
    </>
  );
}

function Acts({
  problem: { kind, state, n, more, target = {} },
  queues,
  span,
}: {
  problem: Problem;
  queues: Overview['queues'];
  span: string;
}) {
  const may = useMay();
  const open = (href: string, text: string) => (
    <Link className="btn" href={href} data-testid="problem-open">
      {text}
    </Link>
  );
  const { q, queue, schedule, runId } = target;
  switch (kind) {
    case 'failures':
    case 'unclaimable':
    case 'rollback':
      return (
        <>
          {runId !== undefined
            ? open(runHref(runId), 'Open the run')
            : open(
                runsHref(`${q ?? 'status:failed'} since:${span}`),
                n === null || n === undefined || more ? 'Show runs' : `Show ${count(n)} ${n === 1 ? 'run' : 'runs'}`,
              )}
          {queue !== undefined && may('queue.pause') && (
            <Button look="bare" onClick={() => acts.pauseQueue(queue)}>
              Pause queue
            </Button>
          )}
        </>
      );
    case 'schedule':
      return (
        <>
          {open(schedule === undefined ? '/schedules' : `/schedules/${part(schedule)}`, 'Open schedule')}
          {/* A warning is of one that is on, and goes on trying. */}
          {schedule !== undefined && state === 'bad' && may('schedule.switch') && (
            <Button look="bare" onClick={() => acts.switchSchedule(schedule, true)}>
              Enable
            </Button>
          )}
        </>
      );
    case 'queue':
      return (
        <>
          {open('/queues', 'Open queue')}
          {queue !== undefined &&
            may('queue.resume') &&
            queues.some(({ name, paused }) => name === queue && paused) && (
              <Button look="bare" onClick={() => acts.resumeQueue(queue)}>
                Resume
              </Button>
            )}
        </>
      );
    case 'worker':
    case 'polling':
    case 'migrations':
    case 'transaction':
      return open(kind === 'worker' ? '/queues' : '/doctor', kind === 'worker' ? 'Open workers' : 'Open doctor');
    default:
      return null;
  }
}
