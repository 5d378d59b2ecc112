import { checkAnswer, normaliseApproval } from '../../lib/core/input/input-check.js';
import { checkDeclaration } from '../../lib/core/input/input-declaration.js';
import { parseIsoDate } from '../../lib/core/codec/iso-date.js';
import type { InputDeclaration, InputField } from '../../lib/core/run/wait-spec.js';

const choices = [{ value: 'red', label: 'Red' }, { value: 'blue' }, { value: 3 }];

function form(...fields: InputField[]): InputDeclaration {
  return { type: 'form', fields };
}

function violationsOf(declaration: InputDeclaration, answer: unknown): string[] {
  const checked = checkAnswer(declaration, answer);
  return checked.ok ? [] : checked.violations.map(({ path, message }) => `${path}: ${message}`);
}

describe('an answer', () => {
  it('without a type is anything', () => {
    for (const value of [undefined, null, 0, '', { a: 1 }, [1], new Map()]) {
      expect(checkAnswer({ type: null }, value)).toEqual({ ok: true, value });
    }
  });

  it('to an approval says yes or no in one of three ways, and is kept as it came', () => {
    for (const value of [true, 'approved', { approved: true, by: 'ann' }]) {
      expect(checkAnswer({ type: 'approval' }, value)).toEqual({ ok: true, value });
      expect(normaliseApproval(value)).toBe('approved');
    }
    for (const value of [false, 'rejected', { approved: false, why: 'late' }]) {
      expect(checkAnswer({ type: 'approval' }, value)).toEqual({ ok: true, value });
      expect(normaliseApproval(value)).toBe('rejected');
    }
    for (const value of [undefined, null, 1, 'yes', 'Approved', {}, { approved: 'approved' }, [true], new Date(0)]) {
      expect(violationsOf({ type: 'approval' }, value)).toEqual([
        expect.stringContaining(`expected true, false, 'approved', 'rejected' or { approved: true or false }, got `),
      ]);
      expect(normaliseApproval(value)).toBeNull();
    }
  });

  it('of free text is a string', () => {
    expect(checkAnswer({ type: 'free_text' }, '')).toEqual({ ok: true, value: '' });
    expect(violationsOf({ type: 'free_text' }, 7)).toEqual([': expected a string, got the number 7']);
  });

  it('to a single choice is one of the values', () => {
    const type = 'single_choice';
    expect(checkAnswer({ type, choices }, 3)).toEqual({ ok: true, value: 3 });
    for (const value of ['Red', '3', ['red'], undefined]) {
      expect(violationsOf({ type, choices }, value)).toEqual([
        expect.stringMatching(/^: expected one of "red", "blue", 3, got /),
      ]);
    }
  });

  it('to a multiple choice is a list of different values, which may be empty', () => {
    const type = 'multi_choice';
    expect(checkAnswer({ type, choices }, ['blue', 3])).toEqual({ ok: true, value: ['blue', 3] });
    expect(checkAnswer({ type, choices }, [])).toEqual({ ok: true, value: [] });
    expect(violationsOf({ type, choices }, 'red')).toEqual([expect.stringContaining('expected a list of different')]);
    expect(violationsOf({ type, choices }, ['red', 'green', 'red'])).toEqual([
      '[1]: expected one of "red", "blue", 3, got the string "green"',
      '[2]: the string "red" was chosen before',
    ]);
  });

  it('is quoted as it may be shown', () => {
    const hidden = '[redacted]';
    const card = form({ name: 'card', type: 'number' }, { name: 'size', type: 'select', options: ['S'] });
    const quoted = (declaration: InputDeclaration, answer: unknown, shown: unknown): unknown => {
      const checked = checkAnswer(declaration, answer, shown);
      return checked.ok ? [] : checked.violations.map(({ message }) => /the string .*/.exec(message)?.[0]);
    };
    const answer = { card: '4111', size: 'XL' };
    expect(quoted(card, answer, { ...answer, card: hidden })).toEqual(['the string "[redacted]"', 'the string "XL"']);
    expect(quoted(card, answer, hidden)).toEqual(['the string "[redacted]"', 'the string "[redacted]"']);
    expect(quoted(card, 'text', hidden)).toEqual(['the string "[redacted]"']);
    const several = { type: 'multi_choice', choices } as const;
    expect(quoted(several, ['red', 'red', '4111'], ['red', hidden, hidden])).toEqual([
      'the string "[redacted]" was chosen before', 'the string "[redacted]"',
    ]); // prettier-ignore
    for (const type of ['approval', 'free_text', 'single_choice', 'multi_choice'] as const) {
      expect(quoted({ type, choices }, { a: 1 }, hidden)).toEqual(['the string "[redacted]"']);
    }
  });

  it('names no more values than can be read', () => {
    const many = Array.from({ length: 500 }, (_, value) => ({ value }));
    expect(violationsOf({ type: 'single_choice', choices: many }, -1)[0]).toMatch(/18, 19 \(and 480 more\), got/);
  });

  it('to a form has the values of its fields', () => {
    const declaration = form(
      { name: 'name', type: 'text', required: true },
      { name: 'age', type: 'number' },
      { name: 'member', type: 'boolean' },
      { name: 'size', type: 'select', options: ['S', { value: 'M', label: 'Medium' }] },
    );
    for (const value of [
      { name: 'Ann', age: 0, member: false, size: 'M' },
      { name: 'Ann', age: undefined, size: null },
    ]) {
      expect(checkAnswer(declaration, value)).toEqual({ ok: true, value });
    }
    expect(violationsOf(declaration, { age: NaN, member: 'yes', size: 'L', nam: 'x' })).toEqual([
      'name: is required: expected a string, got undefined',
      'age: expected a finite number, got the number NaN',
      'member: expected true or false, got the string "yes"',
      'size: expected one of "S", "M", got the string "L"',
      'nam: is not a field of this form. Its fields: name, age, member, size',
    ]);
    expect(violationsOf(declaration, { name: '' })).toEqual([
      'name: is required: expected a string, got the string ""',
    ]);
    for (const value of [null, 'x', [], new Map([['name', 'Ann']]), new Date(0)]) {
      expect(violationsOf(declaration, value)).toEqual([
        expect.stringContaining('expected an object with the fields name, age, member, size'),
      ]);
    }
  });

  it('has fields of any name, those of prototypes too', () => {
    const declaration = form({ name: '__proto__', type: 'text' }, { name: 'toString', type: 'text', required: true });
    expect(violationsOf(declaration, {})).toEqual([expect.stringMatching(/^toString: is required/)]);
    const answer = JSON.parse('{"__proto__":"a","toString":"b"}') as object;
    const checked = checkAnswer(declaration, answer);
    expect(checked.ok && Object.entries(checked.value as object)).toEqual([
      ['__proto__', 'a'],
      ['toString', 'b'],
    ]);
  });

  it('with a date takes a Date or an ISO string, and keeps a Date', () => {
    const declaration = form({ name: 'due', type: 'date', required: true }, { name: 'note', type: 'text' });
    const due = new Date('2026-01-31T00:00:00Z');
    for (const given of [due, '2026-01-31', '2026-01-31T01:00:00+01:00', '2026-01-31T00:00:00.000Z']) {
      const checked = checkAnswer(declaration, { note: 'x', due: given });
      expect(checked).toEqual({ ok: true, value: { note: 'x', due } });
      expect(Object.keys((checked as { value: object }).value)).toEqual(['note', 'due']);
    }
    for (const given of ['31.01.2026', '2026-02-30', '', 1_769_817_600_000, new Date(NaN), null]) {
      expect(violationsOf(declaration, { due: given })).toEqual([
        expect.stringMatching(/^due: (is required: )?expected a Date, or an ISO string such as/),
      ]);
    }
  });
});

describe('an ISO string', () => {
  it('gives the same time on every machine', () => {
    const cases: [string, string][] = [
      ['2026-01-31', '2026-01-31T00:00:00.000Z'],
      ['2026-01-31T09:30', '2026-01-31T09:30:00.000Z'],
      ['2026-01-31 09:30:15.5Z', '2026-01-31T09:30:15.500Z'],
      ['2026-01-31T09:30:15.123456-0530', '2026-01-31T15:00:15.123Z'],
      ['2026-01-31T09:30:00+02', '2026-01-31T07:30:00.000Z'],
      ['2024-02-29', '2024-02-29T00:00:00.000Z'],
      ['0050-03-01', '0050-03-01T00:00:00.000Z'],
    ];
    for (const [text, time] of cases) expect([text, parseIsoDate(text)?.toISOString()]).toEqual([text, time]);
  });

  it('is none where there is no such day or time', () => {
    for (const text of [
      '', '2026', '2026-1-1', '2026-13-01', '2026-00-10', '2026-02-29', '2026-01-31T24:00:00', '2026-01-31T09:60',
      '2026-01-31T09:00:00+24:00', '2026-01-31T', ' 2026-01-31', '2026-01-31\n', 'Sat Jan 31 2026', '+002026-01-31',
    ]) expect([text, parseIsoDate(text)]).toEqual([text, null]); // prettier-ignore
  });
});

describe('a declaration', () => {
  const paths = (declaration: object): string[] => checkDeclaration(declaration).map(({ path }) => path);

  it('of each kind is let through', () => {
    for (const declaration of [
      {},
      { type: null },
      { type: 'approval' },
      { type: 'free_text' },
      { type: 'single_choice', choices },
      { type: 'multi_choice', choices: [{ value: false }] },
      { type: 'form', fields: [{ name: 'a', type: 'select', options: ['x', { value: 'y', label: 'Y' }] }] },
      { type: 'form', fields: [{ name: 'a', type: 'date', label: 'A', required: true, options: undefined }] },
    ]) {
      expect(checkDeclaration(declaration)).toEqual([]);
    }
  });

  it('says all that is wrong with a form', () => {
    expect(checkDeclaration({ type: 'from' })).toEqual([
      { path: 'type', message: expect.stringContaining('Did you mean "form"?') },
    ]);
    expect(paths({ type: 'form' })).toEqual(['fields']);
    expect(paths({ type: 'form', fields: [] })).toEqual(['fields']);
    const fields = [
      { name: 'a', type: 'text' },
      { name: 'a', type: 'txt' },
      { name: '', type: 'select' },
      { name: 'd', type: 'select', options: ['x', 'x', { value: null }, { value: 'y', lable: 'Y' }] },
      { name: 'e', type: 'text', options: ['x'], required: 'yes', label: 1 },
      { name: 'f', type: 'number', requried: true },
      'g',
    ];
    expect(paths({ type: 'form', fields })).toEqual([
      'fields[1].name', 'fields[1].type', 'fields[2].name', 'fields[2].options', 'fields[3].options[1]',
      'fields[3].options[2].value', 'fields[3].options[3].lable', 'fields[4].options', 'fields[4].label',
      'fields[4].required', 'fields[5].requried', 'fields[6]',
    ]); // prettier-ignore
  });

  it('has choices where they mean something, with values that differ', () => {
    expect(paths({ type: 'single_choice' })).toEqual(['choices']);
    expect(paths({ type: 'multi_choice', choices: ['red', { value: 1 }, { value: 1 }, {}] })).toEqual([
      'choices[0]', 'choices[2].value', 'choices[3].value',
    ]); // prettier-ignore
    expect(checkDeclaration({ choices })).toEqual([
      {
        path: 'choices',
        message: `an input without a type has no choices: use type: 'single_choice' or 'multi_choice'`,
      },
    ]);
    expect(paths({ type: 'approval', fields: [{ name: 'a', type: 'text' }] })).toEqual(['fields']);
  });
});
