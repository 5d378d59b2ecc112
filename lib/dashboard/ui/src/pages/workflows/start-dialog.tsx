import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { get } from '../../lib/api.js';
import { workflowsOf } from '../../lib/rows.js';
import type { Page, Workflow } from '../../lib/types.js';
import { Button } from '../../parts/button.js';
import { Dialog } from '../../parts/dialog.js';
import { Icon } from '../../parts/icon.js';
import { Skeleton, Trouble } from '../../parts/states.js';
import { StartForm } from './start-form.js';

/** Chooses a workflow and starts a run of it. */
export default function StartDialog({ onClose, onStarted }: { onClose: () => void; onStarted: (id: string) => void }) {
  const { data, error, refetch } = useQuery({
    queryKey: ['workflows', ''],
    queryFn: async ({ signal }) => workflowsOf(await get<Page<Workflow>>('workflows', {}, signal)),
  });
  const [name, setName] = useState<string | null>(null);
  const all = data?.items ?? [];
  const workflow = all.find((one) => one.name === name) ?? all[0];
  return (
    <Dialog label="Start a run" onClose={onClose}>
      {data === undefined && error === null && <Skeleton rows={5} />}
      {error !== null && data === undefined && <Trouble error={error} again={() => void refetch()} />}
      {workflow !== undefined && (
        <>
          <div className="row">
            <label htmlFor="start-workflow" className="b">
              Workflow
            </label>
            <span className="select grow">
              <select
                id="start-workflow"
                className="m"
                data-testid="field-workflow"
                value={workflow.name}
                onChange={(event) => setName(event.target.value)}
              >
                {all.map((one) => (
                  <option key={one.name}>{one.name}</option>
                ))}
              </select>
              <Icon name="chevd" />
            </span>
            <Button look="bare sm square" icon="x" aria-label="Close" onClick={onClose} />
          </div>
          <StartForm
            key={workflow.name}
            workflow={workflow}
            onStarted={(id) => {
              onClose();
              onStarted(id);
            }}
          />
        </>
      )}
      {data !== undefined && workflow === undefined && <p>No process has told of a workflow yet.</p>}
    </Dialog>
  );
}
