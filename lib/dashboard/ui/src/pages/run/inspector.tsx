import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { get } from '../../lib/api.js';
import { isEnded, type TreeNode } from '../../lib/tree-node.js';
import { findNode } from '../../lib/tree-walk.js';
import { encodeName } from '../../../../../core/definition/definition-path.js';
import { isLoop, type LoopRow, type Page, type Run, type StepRow } from '../../lib/types.js';
import { Facts } from '../../parts/facts.js';
import { Button } from '../../parts/button.js';
import { StatusWord } from '../../parts/icon.js';
import { settingsOf } from './settings.js';
import { armOf } from './timeline-rows.js';
import { ChildWell } from './child-well.js';
import { Attempts } from './attempts.js';

interface Props {
  run: Run;
  tree: readonly TreeNode[];
  id: string;
  onClose: () => void;
  onSelect: (id: string) => void;
}

/** All that is known of one step: its attempts, what went in and out, its logs. */
export function Inspector({ run, tree, id, onClose, onSelect }: Props) {
  const path = id.replace(/^child:[^/]*\/?/, '').replace(/-\d+$/, '');
  const found = findNode(tree, id) ?? findNode(tree, path);
  const needs = found === null || (found.attempts.length === 0 && found.kind !== 'child');
  const under = useQuery({
    queryKey: ['run', run.id, 'under', path],
    queryFn: ({ signal }) => get<Page<StepRow | LoopRow>>(`runs/${run.id}/steps`, { under: path, limit: 100 }, signal),
    enabled: needs && path !== '' && /\[\d+\]/.test(path),
  });
  const own = found?.kind === 'attempt' ? findNode(tree, found.path) : found;
  const attempts =
    own !== null && own.attempts.length > 0
      ? own.attempts
      : (under.data?.items.filter((row): row is StepRow => !isLoop(row) && row.path === path) ?? []);
  const chosenBy = /-(\d+)$/.exec(found?.kind === 'attempt' ? id : '')?.[1];
  const name = found?.kind === 'attempt' ? (own?.name ?? '') : (found?.name ?? path.slice(path.lastIndexOf('/') + 1));
  return (
    <aside className="insp" aria-label="Step" data-testid="inspector">
      <div className="row">
        <h3 className="cut">{name}</h3>
        <StatusWord status={found?.status ?? attempts.at(-1)?.status ?? 'pending'} />
        <span className="grow" />
        <Button look="bare sm square" icon="x" aria-label="Close" onClick={onClose} />
      </div>
      {path !== name && <p className="note m">{path}</p>}
      {found?.childId !== undefined && <ChildWell childId={found.childId} />}
      {found?.loop !== undefined && <GoToItem loop={found} onSelect={onSelect} run={run} />}
      {attempts.length > 0 ? (
        <Attempts
          key={`${run.id}${id}`}
          run={run}
          attempts={attempts}
          initial={chosenBy === undefined ? null : Number(chosenBy) - 1}
        />
      ) : (
        found?.status === 'pending' && (
          <p className="note gap-t">
            {isEnded(run.status) ? 'The run never reached it.' : 'The run has not come to it yet.'}
          </p>
        )
      )}
      <Settings run={run} name={own?.name.replace(/^\[\d+\] /, '') ?? name} />
    </aside>
  );
}

function Settings({ run, name }: { run: Run; name: string }) {
  const facts = settingsOf(run.graph, name);
  if (facts.length === 0) return null;
  return (
    <>
      <h4>Settings</h4>
      <Facts of={facts} />
    </>
  );
}

function GoToItem({ loop, run, onSelect }: { loop: TreeNode; run: Run; onSelect: (id: string) => void }) {
  const [text, setText] = useState('');
  const only = armOf(run, loop.name);
  return (
    <>
      <h4>Go to item</h4>
      <form
        className="row"
        onSubmit={(event) => {
          event.preventDefault();
          const index = Number(text.replace('#', ''));
          if (Number.isInteger(index) && index >= 0 && index < (loop.loop?.items ?? 0))
            onSelect(`${loop.path}[${index}]${only === null ? '' : `/${encodeName(only)}`}`);
        }}
      >
        <input
          className="field m go"
          aria-label="Number of an item"
          placeholder="#0"
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
        <Button look="sm" type="submit">
          Go
        </Button>
      </form>
    </>
  );
}
