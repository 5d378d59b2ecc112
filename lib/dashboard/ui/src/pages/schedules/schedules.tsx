import { useQuery } from '@tanstack/react-query';
import { lazy, Suspense, useState } from 'react';
import { Link } from 'wouter';
import { acts } from '../../lib/acts.js';
import { get, part } from '../../lib/api.js';
import { now } from '../../lib/clock.js';
import { useMay } from '../../lib/me.js';
import { moment, placeOf, zoneHere } from '../../lib/time.js';
import type { Page, RunRow, Schedule } from '../../lib/types.js';
import { useNarrow, useUrl } from '../../lib/url.js';
import { count } from '../../lib/words.js';
import { Button, Segments } from '../../parts/button.js';
import { Icon, StatusIcon } from '../../parts/icon.js';
import { Code, Empty, Skeleton, Trouble } from '../../parts/states.js';
import { Ago, At, Until } from '../../parts/text.js';
import { PageFrame } from '../../shell/page.js';
import { isBad } from '../../shell/nav.js';
import { ScheduleDetails } from './details.js';

const ScheduleEditor = lazy(() => import('./editor.js'));

const COLS = {
  '--cols': '26px minmax(0,1.25fr) minmax(0,1.55fr) 160px 128px 104px 92px',
  '--cols-n': '30px minmax(0,1fr) minmax(0,1fr)',
};

export type Zone = 'own' | 'here' | 'utc';

export default function SchedulesPage({ name }: { name: string | null }) {
  const { params, set, go } = useUrl();
  const may = useMay();
  const narrow = useNarrow();
  const find = params.get('find') ?? '';
  const zone = (params.get('zone') ?? 'own') as Zone;
  const [editing, setEditing] = useState<Schedule | 'new' | null>(null);
  const [deleted, setDeleted] = useState<ReadonlySet<string>>(new Set());
  const { data, error, isPending, refetch } = useQuery({
    queryKey: ['schedules', 'all'],
    queryFn: ({ signal }) => get<Page<Schedule>>('schedules', { next: 1 }, signal),
    refetchInterval: 15_000,
  });
  const all = (data?.items ?? []).filter((one) => !deleted.has(one.name));
  const shown = all
    .filter(({ name: n, workflow, queue }) => `${n} ${workflow} ${queue}`.toLowerCase().includes(find.toLowerCase()))
    .sort((a, b) => Number(isBad(b)) - Number(isBad(a)) || a.name.localeCompare(b.name));
  const search = params.toString() === '' ? '' : `?${params.toString()}`;
  return (
    <PageFrame
      title={name ?? 'Schedules'}
      crumbs={
        name === null
          ? [{ text: 'Schedules' }]
          : [{ text: 'Schedules', href: '/schedules' }, { text: <code>{name}</code> }]
      }
    >
      <div className="page">
        <div className="head">
          <h1>Schedules</h1>
          <span className="note base">
            {data === undefined
              ? ''
              : `${count(all.length)}, of which ${count(all.filter(({ enabled }) => enabled).length)} are on`}
          </span>
          <span className="grow" />
          {!narrow && (
            <Segments
              label="Time zone"
              value={zone}
              options={[
                ['own', 'Zone of the schedule'],
                ['here', `${placeOf(zoneHere())}, here`],
                ['utc', 'UTC'],
              ]}
              onChange={(to) => set({ zone: to === 'own' ? null : to }, true)}
            />
          )}
          {may('schedule.write') && (
            <Button testId="schedule-new" onClick={() => setEditing('new')}>
              New schedule
            </Button>
          )}
        </div>
        {all.length > 0 && (
          <div className="filter" role="search">
            <Icon name="search" />
            <input
              aria-label="Filter schedules"
              placeholder="Filter by name, workflow, queue…"
              value={find}
              onChange={(event) => set({ find: event.target.value || null }, true)}
            />
          </div>
        )}
        {isPending && <Skeleton rows={7} height={46} />}
        {error !== null && data === undefined && <Trouble error={error} again={() => void refetch()} />}
        {data !== undefined && all.length === 0 && (
          <Empty title="No schedule yet">
            <p className="i2">
              A schedule starts a workflow at the times of a cron expression, in a zone, once for each time on all
              processes together.
            </p>
            <Code>
              <b>@Schedule</b>
              {`({ name: 'daily_report', cron: '0 7 * * MON-FRI', timezone: 'Europe/Berlin' })\n`}
              <b>@Workflow</b>
              {`('sales_report')\nexport class SalesReport { … }`}
            </Code>
          </Empty>
        )}
        {name !== null && data !== undefined && !all.some((one) => one.name === name) && (
          <p className="well" role="status" data-testid="no-schedule">
            There is no schedule <code>{name}</code>.
          </p>
        )}
        {shown.length > 0 && (
          <div className="bleed rows">
            <div className="tbl" role="table" aria-label="Schedules">
              {!narrow && (
                <div className="tr th" role="row" style={COLS}>
                  <span role="columnheader">
                    <span className="sr">On</span>
                  </span>
                  {['Schedule', 'When', 'Next', 'Last start', 'Last runs'].map((text) => (
                    <span key={text} role="columnheader">
                      {text}
                    </span>
                  ))}
                  <span role="columnheader">
                    <span className="sr">Acts</span>
                  </span>
                </div>
              )}
              {shown.map((schedule) => {
                const open = schedule.name === name;
                return (
                  <div key={schedule.name} className="contents" role="rowgroup">
                    <Row
                      schedule={schedule}
                      open={open}
                      zone={zone}
                      narrow={narrow}
                      href={open ? `/schedules${search}` : `/schedules/${part(schedule.name)}${search}`}
                    />
                    {open && (
                      <div role="row">
                        <div role="cell">
                          <ScheduleDetails
                            schedule={schedule}
                            onEdit={() => setEditing(schedule)}
                            onDelete={() => {
                              setDeleted((was) => new Set(was).add(schedule.name));
                              acts.deleteSchedule(schedule.name, () =>
                                setDeleted((was) => new Set([...was].filter((one) => one !== schedule.name))),
                              );
                              go(`/schedules${search}`);
                            }}
                          />
                        </div>
                      </div>
                    )}
                  </div>
                );
              })}
            </div>
          </div>
        )}
      </div>
      {editing !== null && (
        <Suspense fallback={null}>
          <ScheduleEditor schedule={editing === 'new' ? null : editing} onClose={() => setEditing(null)} />
        </Suspense>
      )}
    </PageFrame>
  );
}

export function Switch({ schedule }: { schedule: Schedule }) {
  const may = useMay();
  const { name, enabled, removedAt } = schedule;
  return (
    <button
      type="button"
      className={`sw ${enabled ? 'on' : ''}`}
      role="switch"
      aria-checked={enabled}
      aria-label={name}
      disabled={!may('schedule.switch') || removedAt !== null}
      onClick={() => acts.switchSchedule(name, !enabled)}
    />
  );
}

function zoneOf(zone: Zone, schedule: Schedule): string | undefined {
  return zone === 'own' ? schedule.timezone : zone === 'utc' ? 'UTC' : undefined;
}

function Row({
  schedule,
  open,
  zone,
  narrow,
  href,
}: {
  schedule: Schedule;
  open: boolean;
  zone: Zone;
  narrow: boolean;
  href: string;
}) {
  const may = useMay();
  const {
    name,
    workflow,
    cron,
    words,
    timezone,
    nextRunAt,
    autoDisabledAt,
    consecutiveFailures,
    lastRunAt,
    runs = [],
    removedAt,
    enabled,
  } = schedule;
  const last = runs[0];
  const today = new Date(now());
  return (
    <div className={`tr mid link ${open ? 'on' : ''}`} role="row" data-testid={`schedule-${name}`} style={COLS}>
      <span role="cell" className="over">
        <Switch schedule={schedule} />
      </span>
      <span role="cell" className="cut">
        <Link className="m b stretch" href={href} aria-expanded={open}>
          {name}
        </Link>
        <span className="block i3 cut">
          starts <code>{workflow}</code>
        </span>
      </span>
      <span role="cell" className="cut">
        {words ?? <code>{cron}</code>}
        <span className="block i3">{timezone}</span>
      </span>
      {!narrow && (
        <>
          <span role="cell" className="cut">
            {nextRunAt === null ? (
              <span className="i3">—</span>
            ) : (
              moment(new Date(nextRunAt), today, 'minute', zoneOf(zone, schedule))
            )}
            <span className="block">
              {removedAt !== null ? (
                <span className="i3">not in the code any more</span>
              ) : autoDisabledAt !== null ? (
                <span className="s-fail">
                  off since <At at={autoDisabledAt} grain="minute" />
                </span>
              ) : nextRunAt === null ? (
                <span className="i3">{enabled ? '' : 'off'}</span>
              ) : (
                <span className="i3">
                  in <Until at={nextRunAt} most={2} />
                </span>
              )}
            </span>
          </span>
          <span role="cell" className="row">
            {consecutiveFailures > 0 ? (
              <>
                <StatusIcon status="failed" />
                <span className="s-fail b">{count(consecutiveFailures)} failed</span>
              </>
            ) : lastRunAt === null ? (
              <span className="i3">never</span>
            ) : (
              <>
                {last !== undefined && <StatusIcon status={last.status} />}
                <span className="i2">
                  <Ago at={lastRunAt} />
                </span>
              </>
            )}
          </span>
          <span role="cell">
            <Outcomes runs={runs} />
          </span>
          <span role="cell" className="btns end over">
            {may('schedule.trigger') && !open && (
              <Button look="sm" testId={open ? undefined : 'schedule-trigger'} onClick={() => void acts.trigger(name)}>
                Run now
              </Button>
            )}
          </span>
        </>
      )}
    </div>
  );
}

/** The last twelve runs, the newest at the right. */
function Outcomes({ runs }: { runs: readonly RunRow[] }) {
  const shown = runs.slice(0, 12).reverse();
  const bad = shown.filter(({ status }) => ['failed', 'compensated', 'compensation_failed'].includes(status)).length;
  return (
    <span className="cells outc" role="img" aria-label={`${count(shown.length)} runs, ${count(bad)} failed`}>
      {Array.from({ length: 12 - shown.length }, (_, i) => (
        <i key={`no${i}`} className="no" />
      ))}
      {shown.map(({ id, status }) => (
        <i
          key={id}
          className={
            ['failed', 'compensated', 'compensation_failed'].includes(status)
              ? 'bad'
              : status === 'completed'
                ? ''
                : 'open'
          }
        />
      ))}
    </span>
  );
}
