import { MOD } from '../lib/keys.js';
import { store } from '../lib/store.js';
import { Button } from '../parts/button.js';
import { Dialog } from '../parts/dialog.js';

export const shortcutsOpen = store(false);

const GROUPS: readonly (readonly [string, readonly (readonly [string, string])[]])[] = [
  [
    'Everywhere',
    [
      [`${MOD} K`, 'search or act'],
      ['g o', 'Overview'],
      ['g r', 'Runs'],
      ['g i', 'Inbox'],
      ['g w', 'Workflows'],
      ['g s', 'Schedules'],
      ['g q', 'Queues'],
      ['g d', 'Doctor'],
      ['z', 'take the last act back'],
      ['y', 'copy the link'],
      ['esc', 'close'],
    ],
  ],
  [
    'Lists',
    [
      ['j k', 'move, as the arrows do'],
      ['↵', 'open'],
      ['x', 'select, ⇧x from the last one on'],
      ['/', 'filter'],
      ['.', 'acts of this row'],
    ],
  ],
  [
    'A run',
    [
      ['r', 'retry'],
      ['c', 'cancel'],
      ['p', 'pause or resume'],
      ['a', 'answer'],
      ['e', 'send an event'],
      ['1 … 7', 'tabs'],
      ['[ ]', 'step before, after'],
      ['← →', 'fold, unfold'],
      ['0', 'the whole time again'],
    ],
  ],
];

export function Shortcuts() {
  if (!shortcutsOpen.use()) return null;
  return (
    <Dialog label="Keyboard shortcuts" className="dlg keys" onClose={() => shortcutsOpen.set(false)}>
      <div className="row">
        <h2>Keyboard shortcuts</h2>
        <span className="grow" />
        <Button look="bare sm" icon="x" aria-label="Close" onClick={() => shortcutsOpen.set(false)} />
      </div>
      <div className="keys-g">
        {GROUPS.map(([name, keys]) => (
          <section key={name}>
            <h3>{name}</h3>
            <dl>
              {keys.map(([key, what]) => (
                <div key={key}>
                  <dt>
                    {key.split(' ').map((one) => (
                      <kbd key={one}>{one}</kbd>
                    ))}
                  </dt>
                  <dd>{what}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
    </Dialog>
  );
}
