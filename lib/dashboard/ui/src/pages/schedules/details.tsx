import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Link } from 'wouter';
import { act, acts } from '../../lib/acts.js';
import { get, part } from '../../lib/api.js';
import { now } from '../../lib/clock.js';
import { filterOf } from '../../lib/filter.js';
import { isWhole, markOf, NOT_WHOLE } from '../../lib/json.js';
import { useMay } from '../../lib/me.js';
import { clock, day, duration, moment } from '../../lib/time.js';
import type { Schedule } from '../../lib/types.js';
import { runHref, runsHref } from '../../lib/url.js';
import { count } from '../../lib/words.js';
import { Button } from '../../parts/button.js';
import { ErrorView } from '../../parts/error-view.js';
import { StatusIcon } from '../../parts/icon.js';
import { JsonView } from '../../parts/json-view.js';
import { At, Took } from '../../parts/text.js';

const CATCH_UP: Record<string, string> = { latest: 'the latest one', all: 'all', none: 'none' };

/** What an opened schedule shows: next times, settings with what differs from the code, last runs. */
export function ScheduleDetails({
  schedule,
  onEdit,
  onDelete,
}: {
  schedule: Schedule;
  onEdit: () => void;
  onDelete: () => void;
}) {
  const may = useMay();
  const { name } = schedule;
  const { data = schedule } = useQuery({
    queryKey: ['schedules', 'one', name],
    queryFn: ({ signal }) => get<Schedule>(`schedules/${part(name)}`, { next: 5 }, signal),
  });
  const [withInput, setWithInput] = useState(false);
  const {
    enabled,
    autoDisabledAt,
    consecutiveFailures,
    lastError,
    lastErrorAt,
    overridden,
    next = [],
    runs = [],
    fromCode,
    catchUp,
    catchUpWindow,
    catchUpLimit,
    overlap,
    queue,
    cron,
    timezone,
    input,
  } = data;
  const today = new Date(now());
  const changed = (key: Schedule['overridden'][number]) =>
    overridden.includes(key) && <span className="tag">set here</span>;
  const reset = (): void =>
    void act('PATCH', `schedules/${part(name)}`, { reset: true }, () => ({ text: `${name} follows the code again` }), [
      'schedules',
    ]);
  return (
    <div className="exp">
      {(autoDisabledAt !== null || consecutiveFailures > 0) && (
        <div className="well fail">
          <p className="row">
            <StatusIcon status="failed" />
            <span>
              {autoDisabledAt !== null ? (
                <>
                  Switched off on <At at={autoDisabledAt} grain="minute" />: {count(consecutiveFailures)} starts in a
                  row have failed.
                </>
              ) : (
                <>
                  {count(consecutiveFailures)} {consecutiveFailures === 1 ? 'start has' : 'starts in a row have'} failed
                  {lastErrorAt !== null && (
                    <>
                      , the last at <At at={lastErrorAt} />
                    </>
                  )}
                  .
                </>
              )}
            </span>
          </p>
          {lastError !== null && <ErrorView error={lastError} plain />}
        </div>
      )}
      <div className="btns">
        {!enabled && may('schedule.switch') && (
          <Button look="sm pri" testId="schedule-enable" onClick={() => acts.switchSchedule(name, true)}>
            Enable
          </Button>
        )}
        {may('schedule.trigger') && (
          <>
            <Button look="sm" testId="schedule-trigger" onClick={() => void acts.trigger(name)}>
              Run now
            </Button>
            <Button look="sm bare" aria-expanded={withInput} onClick={() => setWithInput(!withInput)}>
              Run now with another input
            </Button>
          </>
        )}
        {may('schedule.write') && (
          <>
            <Button look="sm" testId="schedule-edit" onClick={onEdit}>
              Edit
            </Button>
            {overridden.length > 0 && fromCode && (
              <Button look="sm" onClick={reset}>
                Follow the code again
              </Button>
            )}
            {!fromCode && (
              <Button look="sm bare bad" testId="schedule-delete" onClick={onDelete}>
                Delete
              </Button>
            )}
          </>
        )}
      </div>
      {withInput && <TriggerForm name={name} input={input} onDone={() => setWithInput(false)} />}
      <div className="exp-g">
        <div>
          <h3 className="h-sm">{enabled ? 'Next times' : 'Next times, if it were on'}</h3>
          {next.map((at) => {
            const date = new Date(at);
            return (
              <div className="tr tight-r" key={at} style={{ '--cols': '100px 60px minmax(0,1fr)' }}>
                <span>{day(date, today, timezone)}</span>
                <span className="tab-n">{clock(date, 'minute', timezone)}</span>
                <span className="i3 tab-n cut">
                  {clock(date, 'minute')} here, {clock(date, 'minute', 'UTC')} UTC
                </span>
              </div>
            );
          })}
          {next.length === 0 && <p className="note">None.</p>}
        </div>
        <div>
          <h3 className="h-sm">Settings</h3>
          <dl className="facts">
            <dt>Cron</dt>
            <dd>
              <code>{cron}</code> {changed('cron')}
            </dd>
            <dt>Zone</dt>
            <dd>
              {timezone} {changed('timezone')}
            </dd>
            <dt>Missed times</dt>
            <dd>
              {CATCH_UP[catchUp] ?? catchUp}
              {catchUpWindow !== undefined && catchUp !== 'none' && ` of the last ${duration(catchUpWindow, 1)}`}
              {catchUpLimit !== undefined && catchUp === 'all' && `, at most ${catchUpLimit}`} {changed('catchUp')}
            </dd>
            <dt>While one runs</dt>
            <dd>
              {overlap === 'skip' ? 'none is started' : 'others are started'} {changed('overlap')}
            </dd>
            <dt>Queue</dt>
            <dd>
              <code>{queue}</code> {changed('queue')}
            </dd>
            <dt>Input</dt>
            <dd>
              <JsonView value={input} depth={1} /> {changed('input')}
            </dd>
          </dl>
        </div>
        <div>
          <h3 className="h-sm">
            Last runs{' '}
            <Link className="u note" href={runsHref(filterOf({ schedule: name }))}>
              all
            </Link>
          </h3>
          {runs.slice(0, 5).map((run) => (
            <div className="tr tight-r link" key={run.id} style={{ '--cols': '14px minmax(0,1fr) 60px' }}>
              <StatusIcon status={run.status} title={run.status} />
              <Link className="tab-n stretch" href={runHref(run.id)}>
                {moment(new Date(run.startedAt ?? run.createdAt), today, 'minute')}
              </Link>
              <span className="num i3">
                <Took from={run.startedAt} to={run.completedAt} />
              </span>
            </div>
          ))}
          {runs.length === 0 && <p className="note">It has started none.</p>}
        </div>
      </div>
    </div>
  );
}

function TriggerForm({ name, input, onDone }: { name: string; input: unknown; onDone: () => void }) {
  const [text, setText] = useState(markOf(input) === null ? (JSON.stringify(input, null, 2) ?? '{}') : '{}');
  const [fault, setFault] = useState<string | null>(null);
  return (
    <form
      className="frm"
      onSubmit={(event) => {
        event.preventDefault();
        let given: unknown;
        try {
          given = JSON.parse(text);
        } catch (error) {
          setFault(`This is no JSON: ${(error as Error).message}`);
          return;
        }
        if (!isWhole(given)) {
          setFault(NOT_WHOLE);
          return;
        }
        void acts.trigger(name, given);
        onDone();
      }}
    >
      <div>
        <label htmlFor="trigger-input">
          Input <i>JSON, of this one run</i>
        </label>
        <textarea
          id="trigger-input"
          className="m"
          rows={5}
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
        {fault !== null && <p className="err">{fault}</p>}
      </div>
      <div className="row">
        <Button look="pri sm" type="submit">
          Run now
        </Button>
        <Button look="bare sm" onClick={onDone}>
          Not now
        </Button>
      </div>
    </form>
  );
}
