import { memo, type MouseEvent } from 'react';
import { Link } from 'wouter';
import { acts } from '../../lib/acts.js';
import { copy } from '../../lib/clipboard.js';
import { filterOf } from '../../lib/filter.js';
import { useMay } from '../../lib/me.js';
import { isEnded } from '../../lib/tree-node.js';
import type { RunRow } from '../../lib/types.js';
import { runHref, runsHref, useUrl } from '../../lib/url.js';
import { shortId } from '../../lib/words.js';
import { Menu } from '../../parts/float.js';
import { Icon, StatusIcon, statusOf, StatusWord, statusText } from '../../parts/icon.js';
import { Ago, Took } from '../../parts/text.js';
import { StandingText } from './standing-text.js';

export const RUN_COLS = '14px 132px 148px 104px minmax(0,1fr) 88px 74px 78px 28px';
export const RUN_COLS_PLAIN = '132px 148px 104px minmax(0,1fr) 88px 74px 78px 28px';

interface Props {
  run: RunRow;
  selected: boolean;
  /** Whether rows can be selected at all. */
  selectable: boolean;
  focused: boolean;
  onSelect: (id: string, range: boolean) => void;
  onFocus: (id: string) => void;
}

export const RunLine = memo(function RunLine({ run, selected, selectable, focused, onSelect, onFocus }: Props) {
  const status = statusOf(run);
  const started = run.startedAt ?? run.createdAt;
  const select = (event: MouseEvent): void => {
    event.preventDefault();
    event.stopPropagation();
    onSelect(run.id, event.shiftKey);
  };
  return (
    <div
      className={`tr link ${selected ? 'sel' : ''} ${focused ? 'on' : ''}`}
      role="row"
      data-testid="run-row"
      data-id={run.id}
      data-status={status}
      style={{ '--cols': selectable ? RUN_COLS : RUN_COLS_PLAIN }}
    >
      {selectable && (
        <span role="cell" className="over">
          <button
            type="button"
            className={`ck ${selected ? 'on' : ''}`}
            role="checkbox"
            aria-checked={selected}
            aria-label={`Select ${shortId(run.id)}`}
            tabIndex={-1}
            onClick={select}
          >
            {selected && <Icon name="check" />}
          </button>
        </span>
      )}
      <span role="cell">
        <StatusWord status={status} quiet />
      </span>
      <span role="cell" className="m cut b" title={run.workflow}>
        {run.workflow}
      </span>
      <span role="cell">
        <Link className="m i2 stretch" href={runHref(run.id)} data-run={run.id} onFocus={() => onFocus(run.id)}>
          {shortId(run.id)}
        </Link>
      </span>
      <span role="cell" className="cut i2">
        <StandingText run={run} />
      </span>
      <span role="cell" className="num i2">
        <Ago at={started} />
      </span>
      <span role="cell" className="num">
        {(isEnded(run.status) || run.status === 'running' || run.status === 'compensating') && (
          <Took from={started} to={run.completedAt} />
        )}
      </span>
      <span role="cell" className="m cut i3" title={run.queue}>
        {run.queue}
      </span>
      <span role="cell" className="over">
        <RowMenu run={run} />
      </span>
    </div>
  );
});

export const RunCard = memo(function RunCard({ run, onFocus }: Pick<Props, 'run' | 'onFocus'>) {
  const status = statusOf(run);
  return (
    <div className="card link" role="row" data-testid="run-row" data-id={run.id} data-status={status}>
      <span className="row" role="cell">
        <StatusIcon status={status} title={statusText(status)} />
        <code className="b cut">{run.workflow}</code>
        <Link className="m i3 stretch" href={runHref(run.id)} onFocus={() => onFocus(run.id)}>
          {shortId(run.id)}
        </Link>
        <span className="grow" />
        <Ago className="i3 tab-n" at={run.startedAt ?? run.createdAt} />
      </span>
      <span className="cut i2" role="cell">
        <StandingText run={run} />
      </span>
    </div>
  );
});

function RowMenu({ run }: { run: RunRow }) {
  const may = useMay();
  const { go } = useUrl();
  const ended = isEnded(run.status);
  const items = [
    ended && may('run.retry')
      ? {
          text: run.status === 'completed' ? 'Run again' : 'Retry',
          icon: <Icon name="retry" />,
          hint: 'R',
          act: () => void acts.retry(run.id),
        }
      : null,
    !ended && run.status !== 'paused' && may('run.pause')
      ? { text: 'Pause', icon: <Icon name="paused" />, hint: 'P', act: () => acts.pause(run.id) }
      : null,
    run.status === 'paused' && may('run.resume')
      ? { text: 'Resume', icon: <Icon name="play" />, hint: 'P', act: () => acts.resume(run.id) }
      : null,
    !ended && may('run.cancel')
      ? { text: 'Cancel run', icon: <Icon name="stop" />, hint: 'C', act: () => acts.cancel(run.id, '', false) }
      : null,
  ].filter((item) => item !== null);
  return (
    <Menu
      label={`Acts of ${shortId(run.id)}`}
      look="bare sm square quiet"
      button={<Icon name="more" />}
      items={[
        { text: 'Open', icon: <Icon name="link" />, act: () => go(runHref(run.id)) },
        ...items,
        null,
        { text: 'Copy id', icon: <Icon name="copy" />, act: () => copy(run.id, 'The id is copied') },
        {
          text: 'Runs of this workflow',
          icon: <Icon name="workflows" />,
          act: () => go(runsHref(filterOf({ workflow: run.workflow }))),
        },
      ]}
    />
  );
}
