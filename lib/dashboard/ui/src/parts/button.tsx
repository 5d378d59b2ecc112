import type { ButtonHTMLAttributes, ReactNode } from 'react';
import type { Glyph } from './glyphs.js';
import { Icon } from './icon.js';

interface Props extends Omit<ButtonHTMLAttributes<HTMLButtonElement>, 'className'> {
  icon?: Glyph;
  /** `pri`, `bad`, `bare`, `sm`, `lg` */
  look?: string;
  /** The key that does the same. */
  hint?: string;
  testId?: string;
  children?: ReactNode;
}

export function Button({ icon, look = '', hint, testId, children, type = 'button', ...rest }: Props) {
  return (
    <button
      type={type}
      className={`btn ${look}`}
      data-testid={testId}
      aria-keyshortcuts={hint?.toLowerCase()}
      {...rest}
    >
      {icon !== undefined && <Icon name={icon} />}
      {children}
      {hint !== undefined && <kbd aria-hidden="true">{hint}</kbd>}
    </button>
  );
}

/** One of some, each pressed or not. */
export function Segments<T extends string>({
  label,
  value,
  options,
  onChange,
  className = '',
  testId,
}: {
  label: string;
  value: T | null;
  options: readonly (readonly [T, ReactNode])[];
  onChange: (value: T) => void;
  className?: string;
  testId?: string;
}) {
  return (
    <div className={`seg ${className}`} role="group" aria-label={label} data-testid={testId}>
      {options.map(([key, text]) => (
        <button key={key} type="button" aria-pressed={key === value} onClick={() => onChange(key)}>
          {text}
        </button>
      ))}
    </div>
  );
}
