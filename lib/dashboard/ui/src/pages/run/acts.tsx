import { Fragment, type ReactNode, useRef, useState } from 'react';
import { acts } from '../../lib/acts.js';
import { useKeptFocus } from '../../lib/kept-focus.js';
import { useKeys } from '../../lib/keys.js';
import { useMay } from '../../lib/me.js';
import { isEnded } from '../../lib/tree-node.js';
import type { Input, Run, WaitedEvent } from '../../lib/types.js';
import { runHref, useUrl } from '../../lib/url.js';
import { Button } from '../../parts/button.js';
import { Float } from '../../parts/float.js';
import { statusOf } from '../../parts/icon.js';
import { CopyAs } from './copy-as.js';
import { EventForm } from './event-form.js';

export interface Waits {
  readonly inputs: Input[];
  readonly events: WaitedEvent[];
}

/** What can be done with a run; the likeliest act is the primary one. */
export function RunActs({ run, waits }: { run: Run; waits: Waits }) {
  const may = useMay();
  const { go, set } = useUrl();
  const [open, setOpen] = useState<'cancel' | 'event' | 'restart' | null>(null);
  const ended = isEnded(run.status);
  const status = statusOf(run);
  const can = {
    answer: waits.inputs.length > 0 && may('input.answer'),
    event: !ended && may('event.send'),
    now: status === 'retrying' && may('run.hurry'),
    resume: run.status === 'paused' && may('run.resume'),
    pause: !ended && run.status !== 'paused' && !run.pauseRequested && may('run.pause'),
    wait:
      run.status === 'waiting' &&
      status !== 'retrying' &&
      may('wait.cancel') &&
      ['input', 'event', 'any', 'all', 'sleep', 'child'].includes(run.standing.kind),
    cancel: !ended && may('run.cancel'),
    retry: ended && may('run.retry'),
    restart: ended && may('run.restart') && run.restartPoints.length > 0,
  };
  const waited = waits.events.length > 0;
  const retry = async (): Promise<void> => {
    const started = await acts.retry(run.id);
    if (started !== null) go(runHref(started.id));
  };
  const answer = (): void => set({ answer: '1' });
  const toggle = (what: typeof open) => (): void => setOpen(open === what ? null : what);
  const close = (): void => setOpen(null);
  useKeys({
    ...(can.retry && { r: () => void retry() }),
    ...(can.cancel && { c: () => setOpen('cancel') }),
    ...((can.pause || can.resume) && { p: () => (can.resume ? acts.resume(run.id) : acts.pause(run.id)) }),
    ...(can.answer && { a: answer }),
    ...(can.event && { e: () => setOpen('event') }),
  });
  return (
    <div className="btns acts" data-testid="actions" tabIndex={-1} {...useKeptFocus<HTMLDivElement>()}>
      {can.answer && (
        <Button look="pri" icon="approval" hint="A" testId="act-answer" onClick={answer}>
          Answer
        </Button>
      )}
      {can.resume && (
        <Button look="pri" icon="play" testId="act-resume" onClick={() => acts.resume(run.id)}>
          Resume
        </Button>
      )}
      {can.now && (
        <Button icon="retry" testId="act-retry-now" onClick={() => acts.hurry(run.id)}>
          Try now
        </Button>
      )}
      {can.retry && (
        <Button
          look={run.status === 'completed' ? '' : 'pri'}
          icon="retry"
          hint="R"
          testId="act-retry"
          onClick={() => void retry()}
        >
          {run.status === 'completed' ? 'Run again' : 'Retry'}
        </Button>
      )}
      {can.restart && (
        <Hung
          open={open === 'restart'}
          onClose={close}
          label="Restart from a step"
          button={
            <Button icon="fork" testId="act-restart" aria-expanded={open === 'restart'} onClick={toggle('restart')}>
              Restart from…
            </Button>
          }
        >
          <RestartPicker run={run} onClose={close} />
        </Hung>
      )}
      {can.event && (waited || !can.answer) && (
        <Hung
          open={open === 'event'}
          onClose={close}
          label="Send an event"
          button={
            <Button
              look={waited && !can.answer ? 'pri' : ''}
              icon="send"
              testId="act-send-event"
              aria-expanded={open === 'event'}
              onClick={toggle('event')}
            >
              Send event
            </Button>
          }
        >
          <EventForm
            runId={run.id}
            workflow={run.workflow}
            names={waits.events.map(({ eventName }) => eventName)}
            onDone={close}
          />
        </Hung>
      )}
      {can.pause && (
        <Button icon="paused" testId="act-pause" onClick={() => acts.pause(run.id)}>
          Pause
        </Button>
      )}
      {can.wait && (
        <Button icon="x" testId="act-cancel-wait" onClick={() => acts.cancelWait(run.id)}>
          Cancel wait
        </Button>
      )}
      {can.cancel && (
        <Hung
          open={open === 'cancel'}
          onClose={close}
          label="Cancel the run"
          button={
            <Button icon="stop" testId="act-cancel" aria-expanded={open === 'cancel'} onClick={toggle('cancel')}>
              Cancel run
            </Button>
          }
        >
          <CancelForm run={run} onClose={close} />
        </Hung>
      )}
      <CopyAs run={run} mayRead={may('payload.read')} />
    </div>
  );
}

/** A popover on the button that opens it. */
function Hung({
  open,
  onClose,
  label,
  button,
  children,
}: {
  open: boolean;
  onClose: () => void;
  label: string;
  button: ReactNode;
  children: ReactNode;
}) {
  const ref = useRef<HTMLSpanElement>(null);
  const anchor = useRef(() => ref.current);
  return (
    <span ref={ref} className="hung">
      {button}
      <Float open={open} onClose={onClose} anchor={anchor.current} className="panel" role="dialog" label={label}>
        {children}
      </Float>
    </span>
  );
}

function CancelForm({ run, onClose }: { run: Run; onClose: () => void }) {
  const [reason, setReason] = useState('');
  const [undo, setUndo] = useState(false);
  const undoes = (run.graph?.compensations.length ?? 0) > 0;
  return (
    <form
      className="frm"
      onSubmit={(event) => {
        event.preventDefault();
        acts.cancel(run.id, reason.trim(), undo);
        onClose();
      }}
    >
      <div>
        <label htmlFor="cancel-reason">
          Reason <i>optional</i>
        </label>
        <input
          id="cancel-reason"
          type="text"
          maxLength={500}
          value={reason}
          onChange={(event) => setReason(event.target.value)}
        />
      </div>
      <label className="row check">
        <input type="checkbox" checked={undo} onChange={(event) => setUndo(event.target.checked)} />
        and undo what it did
      </label>
      {!undoes && undo && <p className="note">No step of this workflow says how it is undone.</p>}
      <div className="row end">
        <Button look="bare" onClick={onClose}>
          Keep it going
        </Button>
        <Button look="pri bad" type="submit" testId="cancel-go">
          Cancel run
        </Button>
      </div>
    </form>
  );
}

function RestartPicker({ run, onClose }: { run: Run; onClose: () => void }) {
  const { go } = useUrl();
  const pick = async (step: string): Promise<void> => {
    onClose();
    const started = await acts.restart(run.id, step);
    if (started !== null) go(runHref(started.id));
  };
  return (
    <div className="picker">
      <p className="note">A new run takes what comes before the step from this one’s records.</p>
      {run.restartPoints.map(({ step, ok, why }, i) => (
        <Fragment key={step}>
          {/* What stands against several in a row is said once. */}
          {why !== undefined && why !== run.restartPoints[i - 1]?.why && <p className="note why">Not from: {why}.</p>}
          <button
            type="button"
            data-testid={`restart-${step}`}
            disabled={!ok}
            title={why}
            onClick={() => void pick(step)}
          >
            <code className={ok ? 'b' : 'i3'}>{step}</code>
          </button>
        </Fragment>
      ))}
    </div>
  );
}
