import type { ReactNode } from 'react';

/** The number that has to be typed before something is done that cannot be taken back. */
export function CountField({
  id,
  typed,
  onType,
  children,
}: {
  id: string;
  typed: string;
  onType: (text: string) => void;
  children: ReactNode;
}) {
  return (
    <div>
      <label htmlFor={id}>{children}</label>
      <input
        id={id}
        className="m"
        type="text"
        inputMode="numeric"
        autoComplete="off"
        data-testid="confirm-count"
        value={typed}
        onChange={(event) => onType(event.target.value)}
      />
    </div>
  );
}
