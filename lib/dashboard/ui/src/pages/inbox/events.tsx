import { useQuery } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import { get } from '../../lib/api.js';
import { useMay } from '../../lib/me.js';
import type { Page, WaitedEvent } from '../../lib/types.js';
import { useNarrow } from '../../lib/url.js';
import { Button } from '../../parts/button.js';
import { Float } from '../../parts/float.js';
import { Icon } from '../../parts/icon.js';
import { Empty, Skeleton, Trouble } from '../../parts/states.js';
import { Ago, Until } from '../../parts/text.js';
import { EventForm } from '../run/event-form.js';
import { RunName } from './run-name.js';

const COLS = 'minmax(0,1fr) minmax(0,1.2fr) 92px 150px 92px';

/** Events that are waited for, those that were asked for first first. */
export const useEvents = (enabled: boolean) =>
  useQuery({
    queryKey: ['events', 'open'],
    queryFn: ({ signal }) => get<Page<WaitedEvent>>('events', { limit: 200 }, signal),
    enabled,
  });

export function Events() {
  const may = useMay();
  const narrow = useNarrow();
  const { data, error, isPending, refetch } = useEvents(may('event.read'));
  if (isPending) return <Skeleton />;
  if (data === undefined) return <Trouble error={error} again={() => void refetch()} />;
  const items = [...data.items].sort((a, b) => a.eventName.localeCompare(b.eventName));
  if (items.length === 0) {
    return (
      <Empty title="No event is waited for">
        <p className="i2">
          A step waits with <code>waitForEvent()</code>; who sends it is the app, a webhook, or you.
        </p>
      </Empty>
    );
  }
  return (
    <div className="bleed tbl" role="table" aria-label="Events">
      <div className="tr th wid" role="row" style={{ '--cols': COLS }}>
        <span role="columnheader">Event</span>
        <span role="columnheader">Run</span>
        <span role="columnheader" className="num">
          Since
        </span>
        <span role="columnheader" className="num">
          Times out
        </span>
        <span role="columnheader">
          <span className="sr">Acts</span>
        </span>
      </div>
      {items.map((event) => (
        <div
          key={`${event.id}${event.eventName}`}
          className="tr"
          role="row"
          data-testid="pending-event"
          style={{ '--cols': COLS, '--cols-n': 'minmax(0,1fr) auto' }}
        >
          <span role="cell" className="row">
            <Icon name="event" className="i3" />
            <span className="cut">
              <code className="b">{event.eventName}</code>
              {narrow && (
                <span className="block i3 cut">
                  <RunName run={event} />
                </span>
              )}
            </span>
          </span>
          <span role="cell" className="cut wid">
            <RunName run={event} />{' '}
            <span className="i3">
              at <code>{event.step}</code>
            </span>
          </span>
          <span role="cell" className="num i2 wid">
            <Ago at={event.createdAt} />
          </span>
          <span role="cell" className="num i3 wid">
            {event.timeoutAt === null ? (
              'never'
            ) : (
              <>
                in <Until at={event.timeoutAt} most={2} />
              </>
            )}
          </span>
          <span role="cell" className="btns end">
            {may('event.send') && <SendOne event={event} />}
          </span>
        </div>
      ))}
    </div>
  );
}

function SendOne({ event }: { event: WaitedEvent }) {
  const [open, setOpen] = useState(false);
  const ref = useRef<HTMLSpanElement>(null);
  const anchor = useRef(() => ref.current);
  return (
    <span ref={ref}>
      <Button look="sm" icon="send" aria-expanded={open} onClick={() => setOpen(!open)}>
        Send
      </Button>
      <Float
        open={open}
        onClose={() => setOpen(false)}
        anchor={anchor.current}
        className="panel"
        role="dialog"
        label={`Send ${event.eventName}`}
      >
        <EventForm
          runId={event.executionId}
          workflow={event.workflow}
          names={[event.eventName]}
          onDone={() => setOpen(false)}
        />
      </Float>
    </span>
  );
}
