import { useEffect, useState } from 'react';
import { refused } from '../../lib/acts.js';
import { ApiError, get, send } from '../../lib/api.js';
import { copy } from '../../lib/clipboard.js';
import { useMay } from '../../lib/me.js';
import { refresh } from '../../lib/query.js';
import { later, tell } from '../../lib/toasts.js';
import { isEnded } from '../../lib/tree-node.js';
import type { BulkPreview, BulkState, Count, RunRow } from '../../lib/types.js';
import { count, plural } from '../../lib/words.js';
import { CountField } from '../../parts/count-field.js';
import { Button } from '../../parts/button.js';
import { Dialog } from '../../parts/dialog.js';
import type { Glyph } from '../../parts/glyphs.js';
import { Icon } from '../../parts/icon.js';
import { Words } from '../../parts/text.js';

type Act = 'retry' | 'restart' | 'cancel' | 'pause' | 'resume';

const ACTS: Record<Act, { button: string; verb: string; done: string; keep: string; icon: Glyph; ended: boolean }> = {
  retry: {
    button: 'Retry runs',
    verb: 'Retry',
    done: 'retried',
    keep: 'Keep them as they are',
    icon: 'retry',
    ended: true,
  },
  restart: {
    button: 'Restart from…',
    verb: 'Restart',
    done: 'restarted',
    keep: 'Keep them as they are',
    icon: 'fork',
    ended: true,
  },
  cancel: {
    button: 'Cancel runs',
    verb: 'Cancel',
    done: 'cancelled',
    keep: 'Keep them going',
    icon: 'stop',
    ended: false,
  },
  pause: { button: 'Pause runs', verb: 'Pause', done: 'paused', keep: 'Keep them going', icon: 'paused', ended: false },
  resume: {
    button: 'Resume runs',
    verb: 'Resume',
    done: 'resumed',
    keep: 'Keep them paused',
    icon: 'play',
    ended: false,
  },
};

/** Up to so many there is no dialog, but a toast that takes it back. */
const QUIET = 100;

interface Asked {
  readonly act: Act;
  readonly preview: BulkPreview;
}

export function BulkBar({
  rows,
  ids,
  q,
  total,
  onClear,
}: {
  rows: readonly RunRow[];
  ids: ReadonlySet<string>;
  q: string;
  total: Count | null;
  onClear: () => void;
}) {
  const may = useMay();
  const [whole, setWhole] = useState(false);
  const [asked, setAsked] = useState<Asked | null>(null);
  const [picking, setPicking] = useState(false);
  // Whoever takes a row out of all of them means those that are left.
  useEffect(() => setWhole(false), [ids]);
  const chosen = rows.filter(({ id }) => ids.has(id));
  const some = (test: (run: RunRow) => boolean): boolean => whole || chosen.some(test);
  const fits: Record<Act, boolean> = {
    retry: some(({ status }) => isEnded(status)),
    restart: some(({ status }) => isEnded(status)),
    cancel: some(({ status }) => !isEnded(status)),
    pause: some(({ status }) => !isEnded(status) && status !== 'paused'),
    resume: some(({ status }) => status === 'paused'),
  };
  const start = async (act: Act, options: Record<string, unknown> = {}): Promise<void> => {
    try {
      const which = whole ? { q } : { ids: [...ids] };
      const preview = await send<BulkPreview>('POST', 'bulk/preview', { act, ...which, options });
      if (preview.eligible === 0) {
        const why = preview.excluded.map((one) => `${count(one.n)} ${one.why}`).join(', ');
        tell({ text: `None of them can be ${ACTS[act].done}${why === '' ? '' : `: ${why}`}`, tone: 'bad' });
      } else if (preview.eligible > QUIET) {
        setAsked({ act, preview });
      } else {
        onClear();
        later(
          `${plural(preview.eligible, 'run')} ${preview.eligible === 1 ? 'is' : 'are'} ${ACTS[act].done}`,
          8000,
          (keepalive) => void go(act, preview, '', keepalive),
        );
      }
    } catch (error) {
      refused(error);
    }
  };
  // The act is on all of history, of which a count may have been cut off.
  const all = total === null || total.more ? '' : ` ${count(total.n)}`;
  const said = whole ? `All${all} runs of this filter` : `${plural(ids.size, 'run')} selected`;
  const steps = [...new Set(chosen.flatMap(({ failedStep }) => failedStep ?? []))];
  return (
    <>
      <div className="bulk" role="toolbar" aria-label="Selected runs" data-testid="bulk-bar">
        <span className="b tab-n">{said}</span>
        {!whole && total !== null && (total.more || total.n > ids.size) && (
          <Button look="bare" testId="bulk-all" onClick={() => setWhole(true)}>
            All{all} of this filter
          </Button>
        )}
        <Button look="bare" onClick={onClear}>
          Clear selection
        </Button>
        <span className="rule" />
        {(Object.keys(ACTS) as Act[])
          .filter((act) => fits[act] && may(`run.${act}`))
          .map((act, i) => (
            <Button
              key={act}
              look={i === 0 ? 'pri' : ''}
              icon={ACTS[act].icon}
              testId={`bulk-${act}`}
              onClick={() => (act === 'restart' ? setPicking(true) : void start(act))}
            >
              {ACTS[act].button}
            </Button>
          ))}
        <Button look="bare" onClick={() => copy([...ids].join('\n'), `${plural(ids.size, 'id')} copied`)}>
          Copy ids
        </Button>
      </div>
      {asked !== null && <Confirm {...asked} onClose={() => setAsked(null)} onDone={onClear} />}
      {picking && (
        <PickStep
          steps={steps}
          onClose={() => setPicking(false)}
          onPick={(step) => {
            setPicking(false);
            void start('restart', { step });
          }}
        />
      )}
    </>
  );
}

async function go(act: Act, preview: BulkPreview, reason: string, keepalive = false): Promise<boolean> {
  try {
    const { id } = await send<{ id: string }>(
      'POST',
      'bulk',
      { token: preview.token, count: preview.eligible, ...(reason === '' ? {} : { reason }) },
      keepalive,
    );
    if (!keepalive) void follow(act, id).catch(refused);
    return true;
  } catch (error) {
    refused(error);
    return false;
  }
}

/** Times in a row that nothing is heard of it, with a second between: the act goes on meanwhile. */
const PATIENCE = 60;

/** Asks until it is through, and tells what became of it. */
async function follow(act: Act, id: string): Promise<void> {
  for (let failures = 0; ;) {
    const found = await get<BulkState>(`bulk/${id}`).catch((error: unknown) => {
      const isPassing = error instanceof ApiError && (error.status === 0 || error.status >= 500);
      if (!isPassing || ++failures > PATIENCE) throw error;
      return null;
    });
    if (found !== null) failures = 0;
    if (found !== null && found.state !== 'running') {
      const { done, failed, total, errors, excluded = [] } = found;
      const left = excluded.reduce((rest, { n }) => rest - n, total - done - failed);
      const parts = [
        `${plural(done, 'run')} ${ACTS[act].done}`,
        failed > 0 ? `${count(failed)} refused${errors[0] === undefined ? '' : ` (${errors[0].code})`}` : '',
        ...excluded.map(({ why, n }) => `${count(n)} left out: ${why}`),
        left > 0 ? `${count(left)} left undone` : '',
      ];
      tell({ text: parts.filter((p) => p !== '').join(', '), tone: failed > 0 || left > 0 ? 'bad' : 'done' });
      refresh('runs', 'count', 'overview');
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
}

function Confirm({ act, preview, onClose, onDone }: Asked & { onClose: () => void; onDone: () => void }) {
  const [typed, setTyped] = useState('');
  const [reason, setReason] = useState('');
  const [busy, setBusy] = useState(false);
  const { eligible, excluded, sample } = preview;
  const { verb, keep, done } = ACTS[act];
  const only = new Set(sample.map(({ workflow }) => workflow));
  const fits = typed.replaceAll(/\s/g, '') === String(eligible);
  const confirm = async (): Promise<void> => {
    if (!fits || busy) return;
    setBusy(true);
    const isTaken = await go(act, preview, reason);
    setBusy(false);
    if (!isTaken) return;
    onClose();
    onDone();
  };
  return (
    <Dialog label={`${verb} ${eligible} runs`} testId="confirm" onClose={onClose}>
      <h2 className="dlg-h">
        {verb} {plural(eligible, 'run')}
        {only.size === 1 && (
          <>
            {' '}
            of <code>{[...only][0]}</code>
          </>
        )}
        ?
      </h2>
      {act === 'retry' && (
        <p className="i2 dlg-p">Each starts anew from its input, as a run of its own that says which one it retries.</p>
      )}
      <div className="well facts-l">
        <div className="row">
          <Icon name="completed" className="s-done" />
          <span>
            {count(eligible)} can be {done}
          </span>
        </div>
        {excluded.map(({ why, n }) => (
          <div className="row" key={why}>
            <Icon name="cancelled" className="s-mute" />
            <span className="grow">
              {count(n)} left out: <Words text={why} />
            </span>
          </div>
        ))}
      </div>
      <form
        className="frm"
        onSubmit={(event) => {
          event.preventDefault();
          void confirm();
        }}
      >
        <CountField id="confirm-count" typed={typed} onType={setTyped}>
          Type <code className="b">{eligible}</code> to go on
        </CountField>
        <div>
          <label htmlFor="confirm-why">
            Reason <i>kept with each run, optional</i>
          </label>
          <input
            id="confirm-why"
            type="text"
            maxLength={500}
            value={reason}
            onChange={(event) => setReason(event.target.value)}
          />
        </div>
        <div className="row end">
          <Button look="lg bare" onClick={onClose}>
            {keep}
          </Button>
          <Button
            look={`lg pri ${act === 'cancel' ? 'bad' : ''}`}
            type="submit"
            disabled={!fits || busy}
            testId="confirm-go"
          >
            {verb} {plural(eligible, 'run')}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

function PickStep({
  steps,
  onClose,
  onPick,
}: {
  steps: readonly string[];
  onClose: () => void;
  onPick: (step: string) => void;
}) {
  const [step, setStep] = useState(steps[0] ?? '');
  return (
    <Dialog label="Restart runs from a step" onClose={onClose}>
      <h2 className="dlg-h">Restart from which step?</h2>
      <p className="i2 dlg-p">
        What comes before it is taken from each run’s records. Runs that have not reached it are left out.
      </p>
      <form
        className="frm"
        onSubmit={(event) => {
          event.preventDefault();
          if (step !== '') onPick(step);
        }}
      >
        <div>
          <label htmlFor="pick-step">Step</label>
          <input
            id="pick-step"
            className="m"
            type="text"
            list="pick-steps"
            value={step}
            onChange={(event) => setStep(event.target.value)}
          />
          <datalist id="pick-steps">
            {steps.map((one) => (
              <option key={one} value={one} />
            ))}
          </datalist>
        </div>
        <div className="row end">
          <Button look="lg bare" onClick={onClose}>
            Not now
          </Button>
          <Button look="lg pri" type="submit" disabled={step === ''}>
            Go on
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
