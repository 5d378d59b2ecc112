import type { ReactNode } from 'react';
import { Icon } from './icon.js';

export type FieldKind = 'text' | 'number' | 'boolean' | 'date' | 'select' | 'json';

export interface FieldSpec {
  readonly name: string;
  readonly label: string;
  readonly kind: FieldKind;
  readonly required: boolean;
  readonly hint?: string;
  readonly options?: readonly { value: string | number | boolean; label: string }[];
}

/** What a form holds: texts as they were typed, so that nothing is lost on the way. */
export type Values = Readonly<Record<string, string | boolean>>;

interface Props {
  field: FieldSpec;
  value: string | boolean | undefined;
  violation: string | undefined;
  prefix: string;
  onChange: (value: string | boolean) => void;
}

/** A labelled control with its fault under it. */
export function Field({ field, value, violation, prefix, onChange }: Props) {
  const { name, label, kind, required, hint } = field;
  const id = `${prefix}-${name}`;
  const notes = [hint, kind === 'number' ? 'number' : undefined, required ? undefined : 'optional']
    .filter((n) => n !== undefined)
    .join(', ');
  const shared = {
    id,
    'data-testid': `field-${name}`,
    'aria-invalid': violation !== undefined,
    'aria-describedby': violation === undefined ? undefined : `${id}-v`,
    'aria-required': required,
  };
  const text = typeof value === 'string' ? value : '';
  let control: ReactNode;
  if (kind === 'boolean') {
    return (
      <div>
        <label className="row check" htmlFor={id}>
          <input
            type="checkbox"
            {...shared}
            checked={value === true}
            onChange={(event) => onChange(event.target.checked)}
          />
          {label}
        </label>
        <Violation id={`${id}-v`} name={name} text={violation} />
      </div>
    );
  }
  if (kind === 'select') {
    control = (
      <span className="select">
        <select {...shared} value={text} onChange={(event) => onChange(event.target.value)}>
          {(!required || text === '') && <option value="">{required ? 'Choose…' : 'none'}</option>}
          {field.options?.map((option) => (
            <option key={String(option.value)} value={String(option.value)}>
              {option.label}
            </option>
          ))}
        </select>
        <Icon name="chevd" />
      </span>
    );
  } else if (kind === 'json') {
    control = (
      <textarea
        {...shared}
        className="m"
        rows={4}
        spellCheck={false}
        value={text}
        onChange={(event) => onChange(event.target.value)}
      />
    );
  } else {
    control = (
      <input
        {...shared}
        type={kind === 'date' ? 'date' : 'text'}
        inputMode={kind === 'number' ? 'decimal' : undefined}
        className={kind === 'text' ? '' : 'tab-n'}
        autoComplete="off"
        value={text}
        onChange={(event) => onChange(event.target.value)}
      />
    );
  }
  return (
    <div>
      <label htmlFor={id}>
        {label} {notes !== '' && <i>{notes}</i>}
      </label>
      {control}
      <Violation id={`${id}-v`} name={name} text={violation} />
    </div>
  );
}

export function Violation({ id, name, text }: { id: string; name: string; text: string | undefined }) {
  if (text === undefined) return null;
  return (
    <p className="err" id={id} data-testid={`violation-${name}`}>
      <Icon name="warn" />
      {text}
    </p>
  );
}

/** The values that the texts of a form stand for; what was left empty is not there. `faults`: by field. */
export function readValues(
  fields: readonly FieldSpec[],
  values: Values,
): { data: Record<string, unknown>; faults: Record<string, string> } {
  const data: Record<string, unknown> = {};
  const faults: Record<string, string> = {};
  for (const { name, kind, required, options } of fields) {
    const value = values[name];
    if (kind === 'boolean') {
      if (value === true || required) data[name] = value === true;
      continue;
    }
    const text = typeof value === 'string' ? value : '';
    if (text.trim() === '') {
      if (required) faults[name] = 'Is required';
      continue;
    }
    if (kind === 'number') {
      const number = Number(text.replaceAll(/[\s\u2009]/g, '').replace(',', '.'));
      if (Number.isFinite(number)) data[name] = number;
      else faults[name] = 'Is no number';
    } else if (kind === 'select') {
      data[name] = options?.find((option) => String(option.value) === text)?.value ?? text;
    } else if (kind === 'json') {
      try {
        data[name] = JSON.parse(text);
      } catch {
        faults[name] = 'Is no JSON';
      }
    } else data[name] = text;
  }
  return { data, faults };
}
