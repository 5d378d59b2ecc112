import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { acts } from '../../lib/acts.js';
import { get } from '../../lib/api.js';
import { markOf } from '../../lib/json.js';
import { useMay } from '../../lib/me.js';
import type { LastPayload } from '../../lib/types.js';
import { Button } from '../../parts/button.js';
import { Icon } from '../../parts/icon.js';
import { Ago } from '../../parts/text.js';

/** Sends an event; the payload is JSON, nothing is sent where the field is empty. */
export function EventForm({
  runId,
  workflow,
  names,
  onDone,
}: {
  runId: string;
  workflow: string;
  names: readonly string[];
  onDone: () => void;
}) {
  const [name, setName] = useState(names[0] ?? '');
  const [payload, setPayload] = useState('');
  const last = useLastPayload(workflow, names.includes(name) ? name : null);
  const [key, setKey] = useState('');
  const [fault, setFault] = useState<string | null>(null);
  const submit = (): void => {
    let value: unknown;
    try {
      value = payload.trim() === '' ? undefined : JSON.parse(payload);
    } catch (error) {
      setFault(`This is no JSON: ${(error as Error).message}`);
      return;
    }
    void acts.sendEvent(runId, name, value, key);
    onDone();
  };
  return (
    <form
      className="frm"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <div>
        <label htmlFor={`event-name-${runId}`}>Event</label>
        <input
          id={`event-name-${runId}`}
          className="m"
          type="text"
          required
          value={name}
          list={`event-names-${runId}`}
          data-testid="event-name"
          onChange={(event) => setName(event.target.value)}
        />
        <datalist id={`event-names-${runId}`}>
          {names.map((one) => (
            <option key={one} value={one} />
          ))}
        </datalist>
      </div>
      <div>
        <div className="row">
          <label className="grow" htmlFor={`event-payload-${runId}`}>
            Payload <i>JSON, optional</i>
          </label>
          {last !== null && payload === '' && (
            <Button
              look="bare sm"
              testId="event-last"
              onClick={() => setPayload(JSON.stringify(last.payload, null, 2))}
            >
              Take the last one, <Ago at={last.sentAt} />
            </Button>
          )}
        </div>
        <textarea
          id={`event-payload-${runId}`}
          className="m"
          rows={4}
          spellCheck={false}
          data-testid="event-payload"
          aria-invalid={fault !== null}
          aria-describedby={`event-fault-${runId}`}
          value={payload}
          onChange={(event) => {
            setPayload(event.target.value);
            setFault(null);
          }}
        />
        {fault !== null && (
          <p className="err" id={`event-fault-${runId}`}>
            <Icon name="warn" />
            {fault}
          </p>
        )}
      </div>
      <div>
        <label htmlFor={`event-key-${runId}`}>
          Key against doubles <i>optional</i>
        </label>
        <input
          id={`event-key-${runId}`}
          className="m"
          type="text"
          value={key}
          onChange={(event) => setKey(event.target.value)}
        />
      </div>
      <div className="row end">
        <Button look="bare" onClick={onDone}>
          Not now
        </Button>
        <Button look="pri" type="submit" testId="event-send">
          Send event
        </Button>
      </div>
    </form>
  );
}

/** What was sent last for an event that runs of this workflow wait for: mostly the next one is like it. */
function useLastPayload(workflow: string, name: string | null): { payload: unknown; sentAt: string } | null {
  const may = useMay();
  const { data } = useQuery({
    queryKey: ['events', 'last', workflow, name],
    queryFn: ({ signal }) => get<LastPayload>('events/last', { workflow, name }, signal),
    enabled: name !== null && may('payload.read'),
    staleTime: 60_000,
  });
  if (data === undefined || data.sentAt === null || markOf(data.payload)?.kind === 'cut') return null;
  return { payload: data.payload, sentAt: data.sentAt };
}
