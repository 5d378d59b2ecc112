import { useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { ApiError, fieldOf, get, part, send } from '../../lib/api.js';
import { workflowsOf } from '../../lib/rows.js';
import { now } from '../../lib/clock.js';
import { isWhole, NOT_WHOLE } from '../../lib/json.js';
import { refresh } from '../../lib/query.js';
import { moment, zoneHere } from '../../lib/time.js';
import { tell } from '../../lib/toasts.js';
import type { Page, Preview, Schedule, Workflow } from '../../lib/types.js';
import { Button } from '../../parts/button.js';
import { Dialog } from '../../parts/dialog.js';
import { Field, type FieldSpec, type Values, Violation } from '../../parts/fields.js';

/** A schedule's settings with its next times as they would be. */
export default function ScheduleEditor({ schedule, onClose }: { schedule: Schedule | null; onClose: () => void }) {
  const workflows = useQuery({
    queryKey: ['workflows', ''],
    queryFn: async ({ signal }) => workflowsOf(await get<Page<Workflow>>('workflows', {}, signal)),
    enabled: schedule === null,
  });
  const [values, setValues] = useState<Values>({
    name: '',
    workflow: '',
    cron: schedule?.cron ?? '0 7 * * *',
    timezone: schedule?.timezone ?? zoneHere(),
    queue: schedule?.queue ?? '',
    overlap: schedule?.overlap ?? 'allow',
    catchUp: schedule?.catchUp ?? 'latest',
    input: JSON.stringify(schedule?.input ?? {}, null, 2),
  });
  const [faults, setFaults] = useState<Record<string, string>>({});
  const [busy, setBusy] = useState(false);
  const cron = String(values['cron']);
  const timezone = String(values['timezone']);
  const preview = usePreview(cron, timezone);
  const text = (name: string): string => String(values[name] ?? '').trim();
  const field = (spec: Omit<FieldSpec, 'required'> & { required?: boolean }) => (
    <Field
      key={spec.name}
      prefix="schedule"
      field={{ required: true, ...spec }}
      value={values[spec.name]}
      violation={faults[spec.name]}
      onChange={(value) => setValues((was) => ({ ...was, [spec.name]: value }))}
    />
  );
  const save = async (): Promise<void> => {
    let input: unknown;
    try {
      input = JSON.parse(text('input') || '{}');
    } catch {
      setFaults({ input: 'Is no JSON' });
      return;
    }
    const was = schedule as Record<string, unknown> | null;
    const all: Record<string, unknown> = {
      cron,
      timezone,
      overlap: text('overlap'),
      catchUp: text('catchUp'),
      input,
      queue: text('queue') === '' ? null : text('queue'),
    };
    const changed = Object.fromEntries(
      Object.entries(all).filter(([key, value]) => was === null || JSON.stringify(was[key]) !== JSON.stringify(value)),
    );
    if (was === null && changed['queue'] === null) delete changed['queue'];
    if (!isWhole(changed['input'])) {
      setFaults({ input: NOT_WHOLE });
      return;
    }
    setBusy(true);
    try {
      if (schedule === null)
        await send('POST', 'schedules', {
          name: text('name'),
          workflow: text('workflow') || (workflows.data?.items[0]?.name ?? ''),
          ...changed,
        });
      else await send('PATCH', `schedules/${part(schedule.name)}`, changed);
      tell({ text: schedule === null ? `${text('name')} is there` : `${schedule.name} was changed`, tone: 'done' });
      refresh('schedules', 'overview');
      onClose();
    } catch (error) {
      if (error instanceof ApiError && error.violations.length > 0)
        setFaults(Object.fromEntries(error.violations.map((v) => [fieldOf(v), v.message])));
      else if (error instanceof ApiError && error.code === 'INVALID_CRON') setFaults({ cron: error.message });
      else setFaults({ '': error instanceof Error ? error.message : String(error) });
    } finally {
      setBusy(false);
    }
  };
  const today = new Date(now());
  return (
    <Dialog
      label={schedule === null ? 'New schedule' : `Edit ${schedule.name}`}
      className="dlg wide-d"
      onClose={onClose}
    >
      <h2 className="dlg-h">
        {schedule === null ? (
          'New schedule'
        ) : (
          <>
            Edit <code>{schedule.name}</code>
          </>
        )}
      </h2>
      <form
        className="frm"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          void save();
        }}
      >
        <div className="two-f">
          {schedule === null && field({ name: 'name', label: 'Name', kind: 'text' })}
          {schedule === null &&
            field({
              name: 'workflow',
              label: 'Starts',
              kind: 'select',
              options: (workflows.data?.items ?? []).map(({ name }) => ({ value: name, label: name })),
            })}
          {field({ name: 'cron', label: 'Cron', kind: 'text' })}
          {field({ name: 'timezone', label: 'Zone', kind: 'text' })}
        </div>
        <div className="well preview" aria-live="polite">
          {preview.error !== null ? (
            <p className="s-fail">{preview.error instanceof Error ? preview.error.message : ''}</p>
          ) : (
            <>
              <p className="b">{preview.data?.words ?? ' '}</p>
              <p className="note tab-n">
                {preview.data?.next
                  .map((at) => moment(new Date(at), today, 'minute', preview.data?.timezone))
                  .join(' · ') ?? ' '}
              </p>
            </>
          )}
        </div>
        <div className="two-f">
          {field({
            name: 'catchUp',
            label: 'Missed times',
            kind: 'select',
            options: [
              { value: 'latest', label: 'the latest one' },
              { value: 'all', label: 'all' },
              { value: 'none', label: 'none' },
            ],
          })}
          {field({
            name: 'overlap',
            label: 'While one runs',
            kind: 'select',
            options: [
              { value: 'allow', label: 'others are started' },
              { value: 'skip', label: 'none is started' },
            ],
          })}
          {field({ name: 'queue', label: 'Queue', kind: 'text', required: false, hint: 'else the workflow’s' })}
        </div>
        {field({ name: 'input', label: 'Input', kind: 'json', hint: 'JSON' })}
        <Violation id="schedule-v" name="schedule" text={faults['']} />
        <div className="row end">
          <Button look="lg bare" onClick={onClose}>
            Not now
          </Button>
          <Button look="lg pri" type="submit" disabled={busy} testId="schedule-save">
            Save
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

function usePreview(cron: string, timezone: string) {
  const [asked, setAsked] = useState({ cron, timezone });
  useEffect(() => {
    const timer = setTimeout(() => setAsked({ cron, timezone }), 250);
    return () => clearTimeout(timer);
  }, [cron, timezone]);
  return useQuery({
    queryKey: ['preview', asked],
    // The times belong to the zone that was asked for, not to the one that is typed meanwhile.
    queryFn: async ({ signal }) => ({
      ...(await get<Preview>('schedules/preview', asked, signal)),
      timezone: asked.timezone,
    }),
    retry: false,
    placeholderData: (before) => before,
  });
}
