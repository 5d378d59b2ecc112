import { useState } from 'react';
import { ApiError, apiUrl, fieldOf, send } from '../../lib/api.js';
import { copy as copyText } from '../../lib/clipboard.js';
import { refresh } from '../../lib/query.js';
import { tell } from '../../lib/toasts.js';
import type { Schema, Workflow } from '../../lib/types.js';
import { shortId } from '../../lib/words.js';
import { Button, Segments } from '../../parts/button.js';
import { Field, type FieldSpec, readValues, type Values, Violation } from '../../parts/fields.js';

/** The fields that a schema is drawn as; null: it is too much for a form. */
export function fieldsOfSchema(schema: Schema | null): FieldSpec[] | null {
  if (schema === null || schema.properties === undefined) return null;
  return Object.entries(schema.properties).map(([name, one]) => {
    const type = Array.isArray(one.type) ? one.type.find((t) => t !== 'null') : one.type;
    const base = {
      name,
      label: one.title ?? name,
      required: schema.required?.includes(name) === true,
      hint: one.description,
    };
    if (one.enum !== undefined)
      return {
        ...base,
        kind: 'select' as const,
        options: one.enum.map((value) => ({ value: value as string, label: String(value) })),
      };
    if (type === 'boolean') return { ...base, kind: 'boolean' as const };
    if (type === 'number' || type === 'integer') return { ...base, kind: 'number' as const };
    if (type === 'string') return { ...base, kind: one.format === 'date' ? ('date' as const) : ('text' as const) };
    return { ...base, kind: 'json' as const, hint: 'JSON' };
  });
}

interface Props {
  workflow: Pick<Workflow, 'name' | 'queue' | 'inputSchema'>;
  onStarted: (id: string) => void;
}

/** Starts a run: a form of the stored schema, or JSON. */
export function StartForm({ workflow, onStarted }: Props) {
  const fields = fieldsOfSchema(workflow.inputSchema);
  const [how, setHow] = useState<'form' | 'json'>(fields === null ? 'json' : 'form');
  const [values, setValues] = useState<Values>({});
  const [json, setJson] = useState('{}');
  const [key, setKey] = useState('');
  const [faults, setFaults] = useState<Record<string, string>>({});
  const [busy, setBusy] = useState(false);
  const read = (): { input: unknown; faults: Record<string, string> } => {
    if (how === 'form' && fields !== null) {
      const { data, faults: found } = readValues(fields, values);
      return { input: data, faults: found };
    }
    try {
      return { input: JSON.parse(json), faults: {} };
    } catch (error) {
      return { input: null, faults: { '': `This is no JSON: ${(error as Error).message}` } };
    }
  };
  const body = (input: unknown): Record<string, unknown> => ({
    workflow: workflow.name,
    input,
    ...(key === '' ? {} : { idempotencyKey: key }),
  });
  const start = async (): Promise<void> => {
    const { input, faults: found } = read();
    setFaults(found);
    if (Object.keys(found).length > 0) return;
    setBusy(true);
    try {
      const { id } = await send<{ id: string }>('POST', 'runs', body(input));
      tell({ text: `${shortId(id)} is started`, tone: 'done', href: `/runs/${id}`, link: 'Open' });
      refresh('runs', 'count', 'workflows', 'workflow');
      onStarted(id);
    } catch (error) {
      if (error instanceof ApiError && error.violations.length > 0) {
        const known = new Set(fields?.map(({ name }) => name));
        const by: Record<string, string> = {};
        for (const violation of error.violations) {
          const name = fieldOf(violation);
          const place = known.has(name) && how === 'form' ? name : '';
          by[place] = [by[place], place === '' && name !== '' ? `${name}: ${violation.message}` : violation.message]
            .filter((t) => t !== undefined)
            .join('; ');
        }
        setFaults(by);
      } else setFaults({ '': error instanceof Error ? error.message : String(error) });
    } finally {
      setBusy(false);
    }
  };
  const copy = (): void => {
    const { input } = read();
    const text = `curl -X POST '${apiUrl('runs')}' \\\n  -H 'Content-Type: application/json' \\\n  -d '${JSON.stringify(body(input)).replaceAll("'", `'\\''`)}'`;
    copyText(text, 'The command is copied');
  };
  return (
    <form
      className="frm"
      noValidate
      data-testid="start-form"
      onSubmit={(event) => {
        event.preventDefault();
        void start();
      }}
    >
      <div className="sec-h">
        <h2>Start a run</h2>
        {fields !== null && (
          <Segments
            label="Input as"
            value={how}
            options={[
              ['form', 'Form'],
              ['json', 'JSON'],
            ]}
            onChange={setHow}
          />
        )}
      </div>
      {how === 'form' && fields !== null ? (
        <div className="two-f">
          {fields.map((field) => (
            <Field
              key={field.name}
              prefix="start"
              field={field}
              value={values[field.name]}
              violation={faults[field.name]}
              onChange={(value) => {
                setValues((was) => ({ ...was, [field.name]: value }));
                setFaults(({ [field.name]: _, ...rest }) => rest);
              }}
            />
          ))}
        </div>
      ) : (
        <div>
          <label htmlFor="start-input">
            Input <i>JSON</i>
          </label>
          <textarea
            id="start-input"
            data-testid="field-input"
            className="m"
            rows={8}
            spellCheck={false}
            aria-invalid={faults[''] !== undefined}
            aria-describedby="start-v"
            value={json}
            onChange={(event) => setJson(event.target.value)}
          />
        </div>
      )}
      <Violation id="start-v" name="input" text={faults['']} />
      <div>
        <label htmlFor="start-key">
          idempotency key <i>optional</i>
        </label>
        <input
          id="start-key"
          type="text"
          data-testid="field-idempotencyKey"
          className="m"
          value={key}
          onChange={(event) => setKey(event.target.value)}
        />
      </div>
      <div className="row">
        <Button look="pri" type="submit" disabled={busy} testId="start-go">
          Start
        </Button>
        <Button look="bare" onClick={copy}>
          Copy as curl
        </Button>
        <span className="grow" />
        <span className="note">
          queue <code>{workflow.queue}</code>, now
        </span>
      </div>
    </form>
  );
}
