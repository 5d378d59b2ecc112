import { useWindowVirtualizer } from '@tanstack/react-virtual';
import { useRef } from 'react';
import { Link } from 'wouter';
import { changes } from '../../lib/diff.js';
import { useMay } from '../../lib/me.js';
import { kept } from '../../lib/store.js';
import { clock, countdown, duration } from '../../lib/time.js';
import { isEnded } from '../../lib/tree-node.js';
import { isLoop, type LoopRow, type Run, type StepRow } from '../../lib/types.js';
import { hrefOf, runHref, useUrl } from '../../lib/url.js';
import { count, shortId } from '../../lib/words.js';
import { Button, Segments } from '../../parts/button.js';
import { Icon, Logo, StatusIcon, statusText } from '../../parts/icon.js';
import { DiffLines, JsonView } from '../../parts/json-view.js';
import { Skeleton, Trouble } from '../../parts/states.js';
import { usePayloads, useSteps } from './run-data.js';

type Shown = 'changes' | 'whole' | 'none';
const shown = kept<Shown>('steps.data', 'changes');
const withLogs = kept('steps.logs', true);

type Entry =
  | { kind: 'step'; row: StepRow; before: StepRow | null; of: number }
  | { kind: 'loop'; row: LoopRow }
  | { kind: 'gap'; ms: number; text: string }
  | { kind: 'end' };

/** The journal in order: a line an attempt, what went in and out under it, and what lay between. */
export default function StepsTab({ run }: { run: Run }) {
  const { rows, loading, error, again } = useSteps(run.id);
  const { params, set } = useUrl();
  const failedOnly = params.get('only') === 'failed';
  const data = shown.use();
  const logs = withLogs.use();
  const entries = entriesOf(run, rows, failedOnly);
  const ref = useRef<HTMLOListElement>(null);
  const virtual = useWindowVirtualizer({
    count: entries.length,
    estimateSize: (i) => (entries[i]?.kind === 'step' && data !== 'none' ? 110 : 40),
    overscan: 12,
    scrollMargin: ref.current?.offsetTop ?? 0,
  });
  if (error !== null && rows.length === 0) return <Trouble error={error} again={again} />;
  const items = virtual.getVirtualItems();
  const margin = ref.current?.offsetTop ?? 0;
  const last = items.at(-1);
  return (
    <div className="split one">
      <div className="l">
        {error !== null && <Trouble error={error} again={again} />}
        <div className="tl-bar">
          <Segments
            label="Data"
            value={data}
            options={[
              ['changes', 'Only changes'],
              ['whole', 'Whole data'],
              ['none', 'None'],
            ]}
            onChange={(to) => shown.set(to)}
          />
          <Button look={`bare sm ${logs ? 'press' : ''}`} aria-pressed={logs} onClick={() => withLogs.set(!logs)}>
            Logs
          </Button>
          <Button
            look={`bare sm ${failedOnly ? 'press' : ''}`}
            aria-pressed={failedOnly}
            onClick={() => set({ only: failedOnly ? null : 'failed' }, true)}
          >
            Attempts that failed
          </Button>
        </div>
        {loading ? (
          <Skeleton rows={8} height={44} />
        ) : (
          <ol
            className="jr"
            data-testid="steps"
            ref={ref}
            style={{
              paddingTop: 4 + Math.max(0, (items[0]?.start ?? margin) - margin),
              paddingBottom: 40 + (last === undefined ? 0 : Math.max(0, virtual.getTotalSize() - (last.end - margin))),
            }}
          >
            {items.map((item) => {
              const entry = entries[item.index];
              if (entry === undefined) return null;
              return (
                <li
                  key={item.key}
                  ref={virtual.measureElement}
                  data-index={item.index}
                  className={`je ${entry.kind === 'gap' ? 'gap' : ''}`}
                  data-testid={entry.kind === 'gap' ? undefined : 'journal-entry'}
                >
                  <EntryView run={run} entry={entry} data={data} logs={logs} />
                </li>
              );
            })}
          </ol>
        )}
      </div>
    </div>
  );
}

/** A pause between two lines that is worth one, ms. */
const WORTH = 2000;

function entriesOf(run: Run, rows: readonly (StepRow | LoopRow)[], failedOnly: boolean): Entry[] {
  const entries: Entry[] = [];
  const tries = new Map<string, StepRow[]>();
  for (const row of rows) if (!isLoop(row)) tries.set(key(row), [...(tries.get(key(row)) ?? []), row]);
  let end: number | null = null;
  for (const row of rows) {
    if (isLoop(row)) {
      entries.push({ kind: 'loop', row });
      continue;
    }
    if (failedOnly && row.status !== 'failed') continue;
    const of = tries.get(key(row)) ?? [];
    const at = of.indexOf(row);
    const before = at > 0 ? (of[at - 1] ?? null) : null;
    const from = Date.parse(row.startedAt);
    if (end !== null && !failedOnly && from - end > (before === null ? WORTH : 50)) {
      entries.push({
        kind: 'gap',
        ms: from - end,
        text:
          before?.status === 'failed'
            ? `Delay before attempt ${row.attempt}`
            : 'Nothing worked: it waited, or stood in its queue',
      });
    }
    entries.push({ kind: 'step', row, before, of: of.length });
    if (row.completedAt !== null) end = Math.max(end ?? 0, Date.parse(row.completedAt));
  }
  if (isEnded(run.status) && !failedOnly) entries.push({ kind: 'end' });
  return entries;
}

const key = (row: StepRow): string => `${row.round}.${row.path}.${row.visit}`;

function EntryView({ run, entry, data, logs }: { run: Run; entry: Entry; data: Shown; logs: boolean }) {
  const start = Date.parse(run.startedAt ?? run.createdAt);
  if (entry.kind === 'gap') {
    return (
      <>
        <span className="t">{entry.ms < 20_000 ? duration(entry.ms) : countdown(entry.ms, 2)}</span>
        <Logo width={15} />
        <p>{entry.text}</p>
      </>
    );
  }
  if (entry.kind === 'end') {
    return (
      <>
        <span className="t">{run.completedAt === null ? '' : `+${duration(Date.parse(run.completedAt) - start)}`}</span>
        <StatusIcon status={run.status} />
        <div className="hd">
          <b className="b">{statusText(run.status)}</b>
        </div>
      </>
    );
  }
  if (entry.kind === 'loop') {
    const { row } = entry;
    return (
      <>
        <span className="t" />
        <Icon name="forEach" className="i3" />
        <div className="hd">
          <span className="m">{row.path.replace(/\[\]$/, '')}</span>
          <span className="note tab-n">
            {count(row.items)} items, {count(row.done)} are through, {count(row.failed)} failed
          </span>
        </div>
      </>
    );
  }
  return (
    <StepEntry run={run} row={entry.row} before={entry.before} of={entry.of} start={start} data={data} logs={logs} />
  );
}

function StepEntry({
  run,
  row,
  before,
  of,
  start,
  data,
  logs,
}: {
  run: Run;
  row: StepRow;
  before: StepRow | null;
  of: number;
  start: number;
  data: Shown;
  logs: boolean;
}) {
  const may = useMay();
  const { params, path } = useUrl();
  const wants = data !== 'none' || logs;
  const { data: payloads } = usePayloads(run.id, wants && may('payload.read') ? row.seq : null);
  const changed = payloads === undefined ? [] : changes(payloads.input, payloads.output);
  const error = payloads?.error ?? row.error;
  return (
    <>
      <span className="t">+{duration(Date.parse(row.startedAt) - start)}</span>
      <StatusIcon
        status={row.isCompensation && row.status === 'completed' ? 'compensated' : row.status}
        title={statusText(row.status)}
      />
      <div>
        <div className="hd">
          <Link
            className="m"
            href={hrefOf(path, params, { tab: null, step: of > 1 ? `${row.path}-${row.attempt}` : row.path })}
          >
            {row.isCompensation ? row.step : row.path}
          </Link>
          {of > 1 && (
            <span className="note">
              attempt {row.attempt} of {of}
            </span>
          )}
          {row.compensationFor !== null && (
            <span className="note">
              undoes <code>{row.compensationFor}</code>
            </span>
          )}
          {row.durationMs !== null && <span className="note tab-n">{duration(row.durationMs)}</span>}
          {row.childId !== null && (
            <Link className="u note" href={runHref(row.childId)}>
              child <code>{shortId(row.childId)}</code>
            </Link>
          )}
          <span className="grow" />
          {before !== null && (
            <Link className="u note" href={hrefOf(path, params, { tab: null, step: `${row.path}-${row.attempt}` })}>
              compare with {before.attempt}
            </Link>
          )}
        </div>
        {data !== 'none' && payloads !== undefined && (
          <div className="io">
            {data === 'whole' && (
              <div>
                <span className="note">input</span>
                <JsonView value={payloads.input} depth={2} />
              </div>
            )}
            {data === 'whole' && payloads.output !== null && (
              <div>
                <span className="note">output</span>
                <JsonView value={payloads.output} depth={2} />
              </div>
            )}
            {data === 'changes' && changed.length > 0 && (
              <div>
                <span className="note">changed</span>
                <DiffLines lines={changed.slice(0, 60)} />
              </div>
            )}
            {error !== null && (
              <div>
                <span className="note">error</span>
                <p className="m b s-fail">{error.name}</p>
                <p>{error.message}</p>
              </div>
            )}
          </div>
        )}
        {logs && payloads !== undefined && payloads.logs.length > 0 && (
          <div className="lg">
            {payloads.logs.slice(0, 12).map((line, i) => (
              <div className="contents" key={i}>
                <span>{clock(new Date(line.time), 'ms')}</span>
                <span className={`lv ${line.level}`}>{line.level}</span>
                <span className="cut" title={line.message}>
                  {line.message}
                </span>
              </div>
            ))}
          </div>
        )}
      </div>
    </>
  );
}
