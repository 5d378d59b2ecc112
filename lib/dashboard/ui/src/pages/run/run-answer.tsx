import { useState } from 'react';
import type { Input } from '../../lib/types.js';
import { Button, Segments } from '../../parts/button.js';
import { Answer } from '../inbox/answer.js';

/** The questions of a run, beside what it shows. */
export default function RunAnswer({ inputs, onClose }: { inputs: readonly Input[]; onClose: () => void }) {
  const [id, setId] = useState(inputs[0]?.id ?? '');
  const input = inputs.find((one) => one.id === id) ?? inputs[0];
  if (input === undefined) return null;
  return (
    <aside className="insp answer-side" aria-label="Answer">
      <div className="row">
        {inputs.length > 1 && (
          <Segments
            label="Question"
            value={input.id}
            options={inputs.map((one) => [one.id, one.name] as const)}
            onChange={setId}
          />
        )}
        <span className="grow" />
        <Button look="bare sm square" icon="x" aria-label="Close" onClick={onClose} />
      </div>
      <Answer key={input.id} input={input} compact onGone={onClose} />
    </aside>
  );
}
