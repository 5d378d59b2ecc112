import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Link } from 'wouter';
import { acts } from '../lib/acts.js';
import { get } from '../lib/api.js';
import { useMay } from '../lib/me.js';
import { duration } from '../lib/time.js';
import type { Page, Queue, Worker } from '../lib/types.js';
import { runHref } from '../lib/url.js';
import { count, plural } from '../lib/words.js';
import { CountField } from '../parts/count-field.js';
import { Button } from '../parts/button.js';
import { Dialog } from '../parts/dialog.js';
import { Icon } from '../parts/icon.js';
import { Empty, Skeleton, Trouble } from '../parts/states.js';
import { Ago, At, Took } from '../parts/text.js';
import { PageFrame } from '../shell/page.js';
import { LAGS } from './overview/in-short.js';
import { Cells, placesOf } from './places.js';

const COLS = {
  '--cols': 'minmax(0,1.1fr) 70px 70px 70px 70px minmax(0,1fr) 96px 148px',
  '--cols-n': 'minmax(0,1fr) 56px 84px',
};
const WORKER_COLS = {
  '--cols': 'minmax(0,1fr) minmax(0,1.2fr) minmax(0,1.4fr) 84px',
  '--cols-n': 'minmax(0,1fr) 84px',
};

export default function QueuesPage() {
  const queues = useQuery({
    queryKey: ['queues', 'all'],
    queryFn: ({ signal }) => get<Page<Queue>>('queues', {}, signal),
    refetchInterval: 5000,
  });
  const workers = useQuery({
    queryKey: ['queues', 'workers'],
    queryFn: ({ signal }) => get<Page<Worker>>('workers', {}, signal),
    refetchInterval: 5000,
  });
  const [draining, setDraining] = useState<Queue | null>(null);
  const all = queues.data?.items ?? [];
  const living = workers.data?.items.filter(({ alive }) => alive).length ?? 0;
  return (
    <PageFrame title="Queues" crumbs={[{ text: 'Queues' }]}>
      <div className="page flush">
        <div className="head">
          <h1>Queues</h1>
          <span className="note base">
            {queues.data === undefined ? '' : `${plural(all.length, 'queue')}, ${plural(living, 'worker')}`}
          </span>
        </div>
      </div>
      {queues.error !== null && queues.data === undefined && (
        <Trouble error={queues.error} again={() => void queues.refetch()} />
      )}
      {queues.isPending && <Skeleton rows={5} height={46} />}
      {queues.data !== undefined && (
        <div className="tbl" role="table" aria-label="Queues">
          <div className="tr th wid" role="row" style={COLS}>
            {['Queue', 'Ready', 'Limited', 'Waiting', 'Due later', 'Held, of all places', 'Oldest ready'].map(
              (name, i) => (
                <span key={name} role="columnheader" className={(i > 0 && i < 5) || i === 6 ? 'num' : ''}>
                  {name}
                </span>
              ),
            )}
            <span role="columnheader">
              <span className="sr">Acts</span>
            </span>
          </div>
          {all.map((queue) => (
            <QueueRow key={queue.name} queue={queue} onDrain={() => setDraining(queue)} />
          ))}
        </div>
      )}
      {queues.data !== undefined && all.length === 0 && (
        <div className="page">
          <Empty title="No queue yet">
            <p className="i2">A queue is there as soon as a run is started on it, or a process works on it.</p>
          </Empty>
        </div>
      )}
      <div className="page">
        <div className="head">
          <h2 className="h-mid">Workers</h2>
        </div>
        {workers.error !== null && workers.data === undefined && (
          <Trouble error={workers.error} again={() => void workers.refetch()} />
        )}
        {workers.data !== undefined && (
          <div className="bleed tbl" role="table" aria-label="Workers">
            {workers.data.items.map((worker) => (
              <WorkerRow key={worker.id} worker={worker} />
            ))}
          </div>
        )}
        {workers.data?.items.length === 0 && (
          <p className="note">
            No process executes runs. One does where DurableModule is set up without workers: false.
          </p>
        )}
      </div>
      {draining !== null && <Drain queue={draining} onClose={() => setDraining(null)} />}
    </PageFrame>
  );
}

function limitsOf({ globalConcurrency, rateLimit, paused, pausedRuns }: Queue): string {
  const parts = [
    globalConcurrency === null ? '' : `${count(globalConcurrency)} at once`,
    rateLimit === null
      ? ''
      : `${count(rateLimit.limit)} ${rateLimit.counts === 'attempts' ? 'attempts ' : ''}/ ${duration(rateLimit.period, 1).replace(/^1\u00a0/, '')}`,
    (pausedRuns ?? 0) > 0 && !paused ? `${count(pausedRuns)} paused runs` : '',
  ];
  return parts.filter((p) => p !== '').join(', ');
}

function QueueRow({ queue, onDrain }: { queue: Queue; onDrain: () => void }) {
  const may = useMay();
  const { name, paused, pausedAt, ready, limited, waiting, scheduled, running, lag, late, globalConcurrency } = queue;
  const slow = late > LAGS && !paused;
  const limits = limitsOf(queue);
  return (
    <div className="tr mid" role="row" data-testid={`queue-${name}`} style={COLS}>
      <span role="cell" className="cut">
        <span className="row">
          {paused && <Icon name="paused" className="s-hold" title="paused" />}
          <code className="b cut">{name}</code>
        </span>
        {paused ? (
          <span className="sub3">
            paused{' '}
            {pausedAt !== null && (
              <>
                since <At at={pausedAt} grain="minute" />
              </>
            )}
          </span>
        ) : (
          limits !== '' && <span className="sub3">{limits}</span>
        )}
      </span>
      <span role="cell" className="num b">
        {count(ready)}
      </span>
      <span role="cell" className="num i2 wid">
        {count(limited)}
      </span>
      <span role="cell" className="num i2 wid">
        {count(waiting)}
      </span>
      <span role="cell" className="num i2 wid">
        {count(scheduled)}
      </span>
      <span role="cell" className="row wid">
        <Cells taken={running} of={globalConcurrency} />
        <span className="note tab-n">
          {count(running)}
          {globalConcurrency === null ? ' held' : ` of ${count(globalConcurrency)}`}
        </span>
      </span>
      <span role="cell" className={`num ${slow ? 'b s-wait' : 'i2'}`}>
        {lag === 0 ? '—' : duration(lag)}
      </span>
      <span role="cell" className="btns end nowrap-b">
        {paused
          ? may('queue.resume') && (
              <Button look="sm" testId="queue-resume" onClick={() => acts.resumeQueue(name)}>
                Resume
              </Button>
            )
          : may('queue.pause') && (
              <Button look="sm" testId="queue-pause" onClick={() => acts.pauseQueue(name)}>
                Pause
              </Button>
            )}
        {!paused && may('queue.drain') && (
          <Button look="sm bare" testId="queue-drain" onClick={onDrain}>
            Drain
          </Button>
        )}
      </span>
    </div>
  );
}

function WorkerRow({ worker }: { worker: Worker }) {
  const { id, host, pid, alive, listening, behind = [], held, inFlight, startedAt, version, seenAt } = worker;
  const places = placesOf(worker);
  const [all, setAll] = useState(false);
  const shown = all ? inFlight : inFlight.slice(0, 3);
  return (
    <div className="tr worker" role="row" data-testid={`worker-${id}`} style={WORKER_COLS}>
      <span role="cell">
        <code className="b">{host}</code> <code className="i3">{pid}</code>
        <span className="block sub3">
          {!alive ? (
            <span className="s-fail">out of touch; what it holds is taken over</span>
          ) : listening === false ? (
            <span className="s-wait">finds work by polling</span>
          ) : behind.length > 0 ? (
            <span className="s-wait" title={behind.join(', ')}>
              lacks the newest code of {plural(behind.length, 'workflow')}
            </span>
          ) : (
            <>
              started <At at={startedAt} grain="minute" />
            </>
          )}
        </span>
      </span>
      <span role="cell" className="wid">
        <Cells taken={held} of={places} />
        <span className="note block">
          {places === null ? `${count(held)} held` : `${count(held)} of ${count(places)}`}
        </span>
      </span>
      <span role="cell" className="wid small">
        {shown.map((attempt) => (
          <span className="row" key={attempt.executionId + attempt.path}>
            <Link className="m cut" href={runHref(attempt.executionId)}>
              {attempt.path}
              {attempt.attempt > 1 && <span className="i3"> attempt {attempt.attempt}</span>}
            </Link>
            <span className="i3 tab-n right">
              <Took from={attempt.startedAt} to={null} />
            </span>
          </span>
        ))}
        {inFlight.length > 3 && !all && (
          <button type="button" className="plain u note" onClick={() => setAll(true)}>
            {inFlight.length - 3} more
          </button>
        )}
      </span>
      <span role="cell" className="num i3">
        {version}
        <span className="block">
          <Ago at={seenAt} />
        </span>
      </span>
    </div>
  );
}

/** It pauses the queue and waits until nothing of it is leased: the one act here that cannot be taken back at once. */
function Drain({ queue, onClose }: { queue: Queue; onClose: () => void }) {
  const [typed, setTyped] = useState('');
  const [busy, setBusy] = useState(false);
  const fits = typed.trim() === String(queue.running);
  const go = async (): Promise<void> => {
    if (!fits) return;
    setBusy(true);
    await acts.drainQueue(queue.name, 60_000);
    onClose();
  };
  return (
    <Dialog label={`Drain ${queue.name}`} testId="confirm" onClose={onClose}>
      <h2 className="dlg-h">
        Drain <code>{queue.name}</code>?
      </h2>
      <p className="i2 dlg-p">
        It is paused, and this waits up to a minute until the {plural(queue.running, 'run')} that it holds{' '}
        {queue.running === 1 ? 'has' : 'have'} come to a stop. {count(queue.ready)} that are ready stay where they are.
      </p>
      <form
        className="frm"
        onSubmit={(event) => {
          event.preventDefault();
          void go();
        }}
      >
        <CountField id="drain-count" typed={typed} onType={setTyped}>
          Type <code className="b">{queue.running}</code>, the runs it holds, to go on
        </CountField>
        <div className="row end">
          <Button look="lg bare" onClick={onClose}>
            Keep it going
          </Button>
          <Button look="lg pri" type="submit" disabled={!fits || busy} testId="confirm-go">
            {busy ? 'Drains…' : 'Drain'}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
