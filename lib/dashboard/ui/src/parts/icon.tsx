import type { Status } from '../lib/types.js';
import { glyphs, type Glyph } from './glyphs.js';

export function Icon({ name, className = '', title }: { name: Glyph; className?: string; title?: string }) {
  return (
    <svg
      className={className}
      viewBox="0 0 16 16"
      width="16"
      height="16"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.5"
      strokeLinecap="round"
      strokeLinejoin="round"
      {...(title === undefined ? { 'aria-hidden': true } : { role: 'img', 'aria-label': title })}
    >
      {glyphs[name]}
    </svg>
  );
}

const TONES: Record<string, string> = {
  pending: 'mute',
  running: 'run',
  waiting: 'wait',
  retrying: 'wait',
  paused: 'hold',
  completed: 'done',
  failed: 'fail',
  cancelled: 'mute',
  compensating: 'undo',
  compensated: 'undo',
  compensation_failed: 'fail',
  warn: 'wait',
};

export const toneOf = (status: string): string => TONES[status] ?? 'mute';

const LABELS: Record<string, string> = {
  compensating: 'Rolling back',
  compensated: 'Rolled back',
  compensation_failed: 'Rollback failed',
};

export function statusText(status: string): string {
  return LABELS[status] ?? status.charAt(0).toUpperCase() + status.slice(1);
}

/** The engine's status, or that it is about to try again. */
export function statusOf({ status, standing }: { status: string; standing?: { kind: string } | null }): Status {
  return (status === 'waiting' && standing?.kind === 'retry' ? 'retrying' : status) as Status;
}

const spins = (status: string): string => (status === 'running' ? 'spin' : '');

export function StatusIcon({ status, className = '', title }: { status: string; className?: string; title?: string }) {
  const name = status in glyphs ? (status as Glyph) : 'pending';
  return <Icon name={name} className={`s-${toneOf(status)} ${spins(status)} ${className}`} title={title} />;
}

/** Glyph and word. The word of what is well stays ink. */
export function StatusWord({
  status,
  text,
  quiet = false,
  testId,
}: {
  status: string;
  text?: string;
  quiet?: boolean;
  testId?: string;
}) {
  const tone = toneOf(status);
  const calm = quiet && tone === 'done';
  const name = status in glyphs ? (status as Glyph) : 'pending';
  return (
    <span className={`st ${calm ? 'i2' : `s-${tone}`}`} data-testid={testId} data-status={status}>
      <Icon name={name} className={`${calm ? 's-done' : ''} ${spins(status)}`} />
      {text ?? statusText(status)}
    </span>
  );
}

export function Logo({ width = 22 }: { width?: number }) {
  return (
    <svg
      viewBox="0 0 22 16"
      width={width}
      height={(width / 22) * 16}
      fill="none"
      stroke="currentColor"
      strokeWidth="2"
      strokeLinecap="round"
      aria-hidden="true"
    >
      <path d="M1.5 8h5M14 8h2.2" />
      <path d="M8 12l2.4-8M11.4 12l2.4-8" strokeWidth="1.6" />
      <circle cx="18.6" cy="8" r="2.4" fill="currentColor" stroke="none" />
    </svg>
  );
}
