import { useId, useState } from 'react';
import { acts } from '../../lib/acts.js';
import { ApiError, fieldOf } from '../../lib/api.js';
import { now } from '../../lib/clock.js';
import { MOD, useKeys } from '../../lib/keys.js';
import { useMay, useMe } from '../../lib/me.js';
import { tell } from '../../lib/toasts.js';
import type { Input } from '../../lib/types.js';
import { useNarrow } from '../../lib/url.js';
import { Button } from '../../parts/button.js';
import { Field, readValues, type FieldSpec, type Values, Violation } from '../../parts/fields.js';
import { Icon } from '../../parts/icon.js';
import { Ago, Linked, Until } from '../../parts/text.js';
import { Metadata } from './metadata.js';
import { recall, remember } from './drafts.js';
import { RunName } from './run-name.js';

interface Props {
  input: Input;
  compact?: boolean;
  /** It is on its way; the next one may come. */
  onGone: () => void;
  onBack?: () => void;
  onSkip?: () => void;
  next?: string | null;
}

function TimedOut({ input: { onTimeout, step } }: { input: Input }) {
  if (onTimeout === 'fails') return 'then the run fails';
  if (onTimeout === 'value') return 'then it goes on without an answer';
  return (
    <>
      then <code>{step}</code> gets an error
    </>
  );
}

export const titleOf = (input: Input): string => input.prompt?.split('\n')[0]?.trim() || input.name;

/** A question with all that is known of it, and the form that answers it. */
export function Answer({ input, compact = false, onGone, onBack, onSkip, next = null }: Props) {
  const me = useMe();
  const may = useMay();
  const narrow = useNarrow();
  const id = useId();
  const rest = input.prompt?.split('\n').slice(1).join('\n').trim() ?? '';
  const [faults, setFaults] = useState<Record<string, string>>(recall(input.id)?.faults ?? {});
  const [values, setValues] = useState<Values>(recall(input.id)?.values ?? {});
  const fields = fieldsOf(input);
  const change = (name: string, value: string | boolean): void => {
    setValues((was) => ({ ...was, [name]: value }));
    setFaults(({ [name]: _, ...others }) => others);
  };
  const give = (data: unknown, what: string): void => {
    remember(input.id, { values, faults: {} });
    acts.answer(
      input.executionId,
      input.id,
      data,
      what,
      (error) => {
        if (error === null) {
          tell({ text: `“${titleOf(input)}” was answered`, tone: 'done' });
          return;
        }
        tell({ text: told(error), tone: 'bad', href: `/inbox/${input.id}`, link: 'Open' }, 12_000);
        if (error instanceof ApiError && error.violations.length > 0) {
          const by = Object.fromEntries(error.violations.map((violation) => [fieldOf(violation), violation.message]));
          remember(input.id, { values, faults: by });
          setFaults(by);
        }
      },
      () => onBack?.(),
    );
    onGone();
  };
  const submit = (): void => {
    if (input.type === 'form') {
      const read = readValues(fields, values);
      setFaults(read.faults);
      if (Object.keys(read.faults).length === 0) give(read.data, 'The answer is sent');
      else document.getElementById(`${id}-${Object.keys(read.faults)[0]}`)?.focus();
      return;
    }
    const data = valueOf(input, values);
    if (data === undefined) setFaults({ value: input.type === 'free_text' ? 'Is required' : 'Choose one' });
    else give(data, 'The answer is sent');
  };
  const decide = (approved: boolean): void => {
    const note = typeof values['note'] === 'string' && values['note'].trim() !== '' ? values['note'].trim() : undefined;
    give(
      { approved, ...(note !== undefined && { note }), ...(me.actor !== null && { by: me.actor }) },
      approved ? 'Approved, sent' : 'Rejected, sent',
    );
  };
  const open = input.status === 'pending';
  const mayAnswer = open && may('input.answer');
  const approval = input.type === 'approval';
  const choices = input.choices ?? [];
  const chosen = (i: number): void => {
    const choice = choices[i];
    if (choice === undefined) return;
    const key = String(choice.value);
    if (input.type === 'multi_choice') change(`c:${key}`, values[`c:${key}`] !== true);
    else change('value', key);
  };
  useKeys({
    ...(mayAnswer && approval && { a: () => decide(true), r: () => decide(false) }),
    ...(mayAnswer &&
      choices.length > 0 &&
      Object.fromEntries(choices.slice(0, 9).map((_, i) => [String(i + 1), () => chosen(i)]))),
    ...(mayAnswer && choices.length > 0 && { Enter: submit }),
    ...(onSkip !== undefined && { j: onSkip }),
  });
  const soon = input.timeoutAt !== null && Date.parse(input.timeoutAt) - now() < 3_600_000;
  return (
    <div className={compact ? 'answer compact' : 'answer'} data-testid="answer">
      <div className="meta">
        {!compact && <Icon name="waiting" className="s-wait" />}
        <span>
          Asked{' '}
          <b>
            <Ago at={input.createdAt} />
          </b>
        </span>
        <span className={soon ? 'due soon' : ''}>
          {input.timeoutAt === null ? (
            'Never times out'
          ) : (
            <>
              Times out in{' '}
              <b>
                <Until at={input.timeoutAt} most={2} />
              </b>
              , <TimedOut input={input} />
            </>
          )}
        </span>
        {!compact && <RunName run={input} />}
      </div>
      <h2>{titleOf(input)}</h2>
      {rest !== '' && (
        <p className="i2 pre">
          <Linked text={rest} />
        </p>
      )}
      <Metadata value={input.metadata} />
      {!open && <Closed input={input} />}
      {open && (
        <form
          className="frm"
          noValidate
          onSubmit={(event) => {
            event.preventDefault();
            if (!approval) submit();
          }}
          onKeyDown={(event) => {
            if (event.key === 'Enter' && (event.metaKey || event.ctrlKey) && !approval) {
              event.preventDefault();
              submit();
            }
          }}
        >
          <fieldset disabled={!mayAnswer} className="frm bare">
            {approval && (
              <div>
                <label htmlFor={`${id}-note`}>
                  Note <i>kept with the answer, optional</i>
                </label>
                <textarea
                  id={`${id}-note`}
                  rows={3}
                  data-testid="field-note"
                  value={String(values['note'] ?? '')}
                  onChange={(event) => change('note', event.target.value)}
                />
              </div>
            )}
            {input.type === 'form' && (
              <div className="two-f">
                {fields.map((field) => (
                  <Field
                    key={field.name}
                    prefix={id}
                    field={field}
                    value={values[field.name]}
                    violation={faults[field.name]}
                    onChange={(value) => change(field.name, value)}
                  />
                ))}
              </div>
            )}
            {(input.type === 'single_choice' || input.type === 'multi_choice') && (
              <div
                className="opts"
                role={input.type === 'single_choice' ? 'radiogroup' : 'group'}
                aria-label="Choices"
                data-testid="field-value"
              >
                {choices.map((choice, i) => {
                  const key = String(choice.value);
                  const single = input.type === 'single_choice';
                  const on = single ? values['value'] === key : values[`c:${key}`] === true;
                  return (
                    <label key={key} className={`opt ${on ? 'on' : ''}`}>
                      <input
                        className="sr"
                        type={single ? 'radio' : 'checkbox'}
                        name={id}
                        checked={on}
                        onChange={() => chosen(i)}
                      />
                      {single ? (
                        <span className="radio" />
                      ) : (
                        <span className={`ck ${on ? 'on' : ''}`}>{on && <Icon name="check" />}</span>
                      )}
                      {choice.label ?? key}
                      {i < 9 && <kbd aria-hidden="true">{i + 1}</kbd>}
                    </label>
                  );
                })}
              </div>
            )}
            {input.type === 'free_text' && (
              <div>
                <label htmlFor={`${id}-value`}>Answer</label>
                <textarea
                  id={`${id}-value`}
                  rows={5}
                  data-testid="field-value"
                  aria-invalid={faults['value'] !== undefined}
                  aria-describedby={`${id}-value-v`}
                  value={String(values['value'] ?? '')}
                  onChange={(event) => change('value', event.target.value)}
                />
              </div>
            )}
            {input.type !== 'form' && (
              <Violation id={`${id}-value-v`} name="value" text={faults['value'] ?? faults['']} />
            )}
          </fieldset>
          {mayAnswer && (
            <div className={narrow && approval ? 'answer-go pair' : 'answer-go'}>
              {approval ? (
                <>
                  <Button
                    look="pri lg"
                    icon="check"
                    hint={narrow ? undefined : 'A'}
                    testId="answer-approve"
                    onClick={() => decide(true)}
                  >
                    Approve
                  </Button>
                  <Button
                    look="lg"
                    icon="x"
                    hint={narrow ? undefined : 'R'}
                    testId="answer-reject"
                    onClick={() => decide(false)}
                  >
                    Reject
                  </Button>
                </>
              ) : (
                <Button look="pri lg" type="submit" hint={narrow ? undefined : `${MOD}↵`} testId="answer-send">
                  Send answer
                </Button>
              )}
              {onSkip !== undefined && (
                <Button look="lg bare" hint={narrow ? undefined : 'J'} onClick={onSkip}>
                  Skip
                </Button>
              )}
              {!narrow && next !== null && !compact && (
                <span className="note">
                  <span className="grow" /> then goes to the next one
                </span>
              )}
            </div>
          )}
          {mayAnswer && (
            <p className="note">
              Sent {me.actor === null ? '' : `as ${me.actor} `}after 5 s. One of several answers wins.
            </p>
          )}
        </form>
      )}
    </div>
  );
}

function Closed({ input }: { input: Input }) {
  const words = { completed: 'It was answered', timed_out: 'It timed out', cancelled: 'It was cancelled', pending: '' }[
    input.status
  ];
  const { by, note } = (input.response ?? {}) as { by?: unknown; note?: unknown };
  return (
    <>
      <p className="well gap-t row" role="status">
        <Icon name="completed" className="s-done" />
        <span>
          {words}
          {typeof by === 'string' ? ` by ${by}` : ''}
          {input.closedAt !== null && (
            <>
              {' '}
              <Ago at={input.closedAt} />
            </>
          )}
          .
        </span>
      </p>
      {input.type === 'approval' && typeof note === 'string' && (
        <p className="i2 pre" data-testid="answer-note">
          <Linked text={note} />
        </p>
      )}
    </>
  );
}

function told(error: unknown): string {
  if (!(error instanceof ApiError)) return String(error);
  return error.code === 'INPUT_NOT_PENDING' ? `Somebody was faster: ${error.message}` : error.message;
}

function fieldsOf(input: Input): FieldSpec[] {
  return (input.fields ?? []).map((field) => ({
    name: field.name,
    label: field.label ?? field.name,
    kind: field.type,
    required: field.required === true,
    options: field.options?.map((option) =>
      typeof option === 'object'
        ? { value: option.value, label: option.label ?? String(option.value) }
        : { value: option, label: String(option) },
    ),
  }));
}

function valueOf(input: Input, values: Values): unknown {
  const choices = input.choices ?? [];
  if (input.type === 'single_choice') return choices.find((choice) => String(choice.value) === values['value'])?.value;
  if (input.type === 'multi_choice')
    return choices.filter((choice) => values[`c:${String(choice.value)}`] === true).map(({ value }) => value);
  const text = String(values['value'] ?? '').trim();
  return text === '' ? undefined : text;
}
