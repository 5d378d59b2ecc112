import { autoUpdate, computePosition, flip, offset, shift, size, type Placement } from '@floating-ui/dom';
import { type KeyboardEvent, type ReactNode, useEffect, useId, useRef, useState } from 'react';

interface FloatProps {
  open: boolean;
  onClose: () => void;
  /** What it hangs on. */
  anchor: () => Element | null;
  placement?: Placement;
  /** It is opened and closed by its owner alone, not by a click beside it. */
  manual?: boolean;
  className?: string;
  role?: string;
  label?: string;
  id?: string;
  children: ReactNode;
}

/** Where the focus goes in one that is a dialog. */
const FIELDS = 'input, textarea, select, button:not(:disabled)';

/** What lies over the page beside something: a native popover, so that it is above all else and closes by itself. */
export function Float({
  open,
  onClose,
  anchor,
  placement = 'bottom-end',
  manual = false,
  className = '',
  role,
  label,
  id,
  children,
}: FloatProps) {
  const ref = useRef<HTMLDivElement>(null);
  const close = useRef(onClose);
  close.current = onClose;
  useEffect(() => {
    const el = ref.current;
    const at = anchor();
    if (el === null || at === null || !open) return;
    const before = document.activeElement;
    el.showPopover();
    if (role === 'dialog') el.querySelector<HTMLElement>(FIELDS)?.focus();
    const toggled = (event: Event): void => {
      if ((event as ToggleEvent).newState === 'closed') close.current();
    };
    el.addEventListener('toggle', toggled);
    const stop = autoUpdate(at, el, () => {
      void computePosition(at, el, {
        placement,
        strategy: 'fixed',
        middleware: [
          offset(6),
          flip({ padding: 8 }),
          shift({ padding: 8 }),
          size({
            padding: 8,
            apply: ({ availableHeight }) => void (el.style.maxHeight = `${Math.max(160, availableHeight)}px`),
          }),
        ],
      }).then(({ x, y }) => {
        el.style.left = `${x}px`;
        el.style.top = `${y}px`;
      });
    });
    return () => {
      stop();
      el.removeEventListener('toggle', toggled);
      if (el.matches(':popover-open')) el.hidePopover();
      // What had the focus may have gone with what stood in it. A key that has opened it was pressed nowhere.
      if (role !== 'dialog' || document.activeElement !== document.body) return;
      const back = before === document.body ? at.querySelector('button') : before;
      if (back instanceof HTMLElement) back.focus({ preventScroll: true });
    };
  }, [open, anchor, placement, role]);
  return (
    <div
      ref={ref}
      popover={manual ? 'manual' : 'auto'}
      className={`float ${className}`}
      role={role}
      aria-label={label}
      id={id}
    >
      {open && children}
    </div>
  );
}

export interface MenuItem {
  readonly text: ReactNode;
  readonly icon?: ReactNode;
  readonly testId?: string;
  readonly hint?: string;
  readonly disabled?: string;
  readonly act: () => void;
}

/** A button with a menu: arrows move, Enter does, Escape closes and gives the focus back. */
export function Menu({
  label,
  button,
  items,
  look = '',
  testId,
  className = '',
}: {
  label: string;
  button: ReactNode;
  items: readonly (MenuItem | null)[];
  look?: string;
  testId?: string;
  className?: string;
}) {
  const [open, setOpen] = useState(false);
  const anchor = useRef<HTMLButtonElement>(null);
  const list = useRef<HTMLDivElement>(null);
  const id = useId();
  const find = useRef(() => anchor.current);
  useEffect(() => {
    if (open) list.current?.querySelector<HTMLElement>('[role=menuitem]:not([aria-disabled=true])')?.focus();
  }, [open]);
  const move = (event: KeyboardEvent): void => {
    const all = [...(list.current?.querySelectorAll<HTMLElement>('[role=menuitem]') ?? [])];
    const at = all.indexOf(document.activeElement as HTMLElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    all[(to + all.length) % all.length]?.focus();
  };
  const close = (): void => {
    setOpen(false);
    anchor.current?.focus();
  };
  return (
    <>
      <button
        ref={anchor}
        type="button"
        className={`btn ${look} ${className}`}
        aria-label={label}
        aria-haspopup="menu"
        aria-expanded={open}
        aria-controls={id}
        data-testid={testId}
        onClick={() => setOpen(!open)}
      >
        {button}
      </button>
      <Float open={open} onClose={() => setOpen(false)} anchor={find.current} className="menu" id={id}>
        <div ref={list} role="menu" aria-label={label} onKeyDown={move}>
          {items.map((item, i) =>
            item === null ? (
              <hr key={i} />
            ) : (
              <button
                key={i}
                type="button"
                role="menuitem"
                tabIndex={-1}
                data-testid={item.testId}
                aria-disabled={item.disabled !== undefined}
                title={item.disabled}
                onClick={() => {
                  if (item.disabled !== undefined) return;
                  close();
                  item.act();
                }}
              >
                {item.icon}
                <span className="cut grow">{item.text}</span>
                {item.disabled !== undefined && <span className="note cut">{item.disabled}</span>}
                {item.hint !== undefined && <kbd aria-hidden="true">{item.hint}</kbd>}
              </button>
            ),
          )}
        </div>
      </Float>
    </>
  );
}
