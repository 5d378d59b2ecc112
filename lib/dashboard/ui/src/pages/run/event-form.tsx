import { useState } from 'react';
import { acts } from '../../lib/acts.js';
import { Button } from '../../parts/button.js';
import { Icon } from '../../parts/icon.js';

/** Sends an event; the payload is JSON, nothing is sent where the field is empty. */
export function EventForm({
  runId,
  names,
  onDone,
  last,
}: {
  runId: string;
  names: readonly string[];
  onDone: () => void;
  last?: string;
}) {
  const [name, setName] = useState(names[0] ?? '');
  const [payload, setPayload] = useState(last ?? '');
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
        <label htmlFor={`event-payload-${runId}`}>
          Payload <i>JSON, optional</i>
        </label>
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
