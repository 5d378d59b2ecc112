import { type ReactNode, useEffect, useRef } from 'react';

/** A native dialog; the focus goes back to where it was. */
export function Dialog({
  label,
  onClose,
  className = 'dlg',
  testId,
  children,
}: {
  label: string;
  onClose: () => void;
  className?: string;
  testId?: string;
  children: ReactNode;
}) {
  const ref = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const before = document.activeElement;
    const el = ref.current;
    el?.showModal();
    return () => {
      el?.close();
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  return (
    <dialog
      ref={ref}
      className={className}
      aria-label={label}
      data-testid={testId}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onClick={(event) => {
        if (event.target === ref.current) onClose();
      }}
    >
      {children}
    </dialog>
  );
}
