import { Link } from 'wouter';
import { useNow } from '../lib/clock.js';
import { dismiss, type Toast, toasts } from '../lib/toasts.js';
import { Button } from '../parts/button.js';
import { Icon } from '../parts/icon.js';

export function Toasts() {
  const all = toasts.use();
  return (
    <div className="toasts" role="status" aria-live="polite">
      {all.map((toast) => (
        <One key={toast.id} toast={toast} last={toast === all.findLast(({ undo }) => undo !== undefined)} />
      ))}
    </div>
  );
}

function One({ toast, last }: { toast: Toast; last: boolean }) {
  const { id, text, tone, href, link, undo, sendAt } = toast;
  useNow(sendAt === undefined ? null : 1000);
  const left = sendAt === undefined ? null : Math.max(0, Math.ceil((sendAt - Date.now()) / 1000));
  return (
    <div className="toast" data-testid="toast" data-tone={tone}>
      <Icon name={tone === 'bad' ? 'warn' : tone === 'done' ? 'check' : 'schedules'} />
      <span>
        {text}
        {left !== null && (
          <span className="tab-n" aria-hidden="true">
            {' '}
            in {left} s
          </span>
        )}
      </span>
      {href !== undefined && (
        <Link className="btn sm" href={href} onClick={() => dismiss(id)}>
          {link ?? 'Open'}
        </Link>
      )}
      {undo !== undefined && (
        <Button
          look="sm"
          testId="undo"
          hint={last ? 'Z' : undefined}
          onClick={() => {
            undo();
            dismiss(id);
          }}
        >
          Undo
        </Button>
      )}
      {undo === undefined && <Button look="sm bare" icon="x" aria-label="Close" onClick={() => dismiss(id)} />}
    </div>
  );
}
