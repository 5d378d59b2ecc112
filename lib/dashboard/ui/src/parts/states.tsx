import { type ReactNode, useEffect, useState } from 'react';
import { ApiError } from '../lib/api.js';
import { Button } from './button.js';
import { Icon, Logo } from './icon.js';

/** What went wrong with a part of the page; the rest of it stays. */
export function Trouble({ error, again }: { error: unknown; again?: () => void }) {
  const known = error instanceof ApiError ? error : null;
  return (
    <div className="trouble" role="alert" data-testid="error">
      <Icon name="warn" className="s-fail" />
      <p className="grow">
        {known?.message ?? 'Something broke on this page.'} <span className="i3">{known?.code ?? String(error)}</span>
      </p>
      {again !== undefined && (
        <Button look="sm" onClick={again}>
          Try again
        </Button>
      )}
    </div>
  );
}

/** Lines in the place of what comes, when it does not come at once. */
export function Skeleton({ rows = 8, height = 34 }: { rows?: number; height?: number }) {
  const [late, setLate] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setLate(true), 150);
    return () => clearTimeout(timer);
  }, []);
  return (
    <div className="skeleton" aria-hidden="true">
      {Array.from({ length: rows }, (_, i) => (
        <div key={i} style={{ height }}>
          {late && <i style={{ width: `${30 + ((i * 37) % 45)}%` }} />}
        </div>
      ))}
    </div>
  );
}

/** What would be here, and how to get it. */
export function Empty({ title, children }: { title: ReactNode; children?: ReactNode }) {
  return (
    <div className="empty" data-testid="empty">
      <Logo width={66} />
      <h2>{title}</h2>
      {children}
    </div>
  );
}

export function Code({ children }: { children: ReactNode }) {
  return <div className="code">{children}</div>;
}

export function Forbidden({ what = 'this page' }: { what?: string }) {
  return (
    <div className="page">
      <Empty title={`You may not see ${what}`}>
        <p className="i2">Whoever runs the app gives the rights. They are asked for again each minute.</p>
      </Empty>
    </div>
  );
}
