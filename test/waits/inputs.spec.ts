import {
  hours,
  InvalidInputError,
  type InputOptions,
  waitForApproval,
  waitForChoice,
  waitForChoices,
  waitForForm,
  waitForInput,
  waitForText,
} from 'nest-durable';
import type { DurableTest } from 'nest-durable/testing';
import { begin, got, scriptTest } from './scripts.js';

let test: DurableTest;

beforeAll(async () => {
  test = await scriptTest();
});

afterAll(() => test.close());

const colours = [{ value: 'red', label: 'Red' }, { value: 'blue' }, { value: 3 }];
const fields = [
  { name: 'who', type: 'text', label: 'Who?', required: true },
  { name: 'age', type: 'number' },
  { name: 'vip', type: 'boolean' },
  { name: 'from', type: 'date' },
  { name: 'size', type: 'select', options: ['S', { value: 'L', label: 'Large' }] },
] as const;

type Ask = () => Promise<unknown>;

/** What the step gets for an answer. */
async function answered(ask: Ask, answer: unknown): Promise<unknown> {
  const run = await begin(test, ask);
  await run.provideInput('q', answer);
  return await got(run);
}

/** Which of these answers are not refused. The wait stays open for the one that is right. */
async function acceptedOf(ask: Ask, answers: readonly unknown[], right: unknown): Promise<unknown[]> {
  const run = await begin(test, ask);
  const accepted: unknown[] = [];
  for (const answer of answers) {
    const refusal = await run.provideInput('q', answer).catch((error: unknown) => error);
    if (!(refusal instanceof InvalidInputError)) accepted.push(answer, refusal);
  }
  await test.idle();
  expect((await run.execution())?.status).toBe('waiting');
  expect(await test.client.listPendingInputs({ executionId: run.id })).toMatchObject([
    { name: 'q', status: 'pending', response: null },
  ]);
  await run.provideInput('q', right);
  await run.result();
  return accepted;
}

describe('the list of inputs', () => {
  it('has all that was declared', async () => {
    const start = test.now().getTime();
    const metadata = { invoice: 7, due: new Date(1) };
    const run = await begin(test, () =>
      waitForInput('q', { type: 'form', prompt: 'Who is it?', metadata, fields, timeout: hours(2) }),
    );
    const [input, ...others] = await test.client.listPendingInputs({ executionId: run.id });
    expect(others).toEqual([]);
    expect(input).toMatchObject({
      id: expect.any(String),
      executionId: run.id,
      workflow: 'script',
      step: 'run',
      name: 'q',
      type: 'form',
      prompt: 'Who is it?',
      metadata,
      fields,
      choices: null,
      status: 'pending',
      timeoutAt: new Date(start + hours(2)),
      createdAt: new Date(start),
      response: null,
    });
    await run.provideInput({ inputId: input?.id ?? '' }, { who: 'ann' });
    expect(await got(run)).toEqual({ who: 'ann' });
    expect(await test.client.listPendingInputs({ executionId: run.id, status: 'completed' })).toMatchObject([
      { id: input?.id, status: 'completed', response: { who: 'ann' } },
    ]);
  });

  it.each<[type: string, ask: Ask]>([
    ['free_text', () => waitForInput('q')],
    ['free_text', () => waitForInput('q', { type: 'free_text' })],
    ['free_text', () => waitForText('q', { prompt: 'Say' })],
    ['approval', () => waitForApproval('q')],
    ['single_choice', () => waitForChoice('q', { choices: colours })],
    ['multi_choice', () => waitForChoices('q', { choices: colours })],
    ['form', () => waitForForm('q', { fields })],
  ])('says %s', async (type, ask) => {
    const run = await begin(test, ask);
    expect(await test.client.listPendingInputs({ executionId: run.id })).toMatchObject([{ type }]);
    await run.cancel();
  });

  it('has the choices', async () => {
    const run = await begin(test, () => waitForChoice('q', { choices: colours, prompt: 'Which?' }));
    expect(await test.client.listPendingInputs({ executionId: run.id })).toMatchObject([
      { choices: colours, prompt: 'Which?', fields: null, timeoutAt: null },
    ]);
    await run.cancel();
  });
});

describe('waitForInput() without a type', () => {
  it.each([['text'], [7], [true], [null], [['a', 1]], [{ any: { thing: new Date(3) } }]])(
    'takes %p',
    async (answer) => {
      expect(await answered(() => waitForInput('q'), answer)).toEqual(answer);
    },
  );
});

describe('waitForApproval()', () => {
  it.each([
    [true, 'approved'],
    [false, 'rejected'],
    ['approved', 'approved'],
    ['rejected', 'rejected'],
    [{ approved: true }, 'approved'],
    [{ approved: false, why: 'too much' }, 'rejected'],
  ])('for %p returns %p', async (answer, decision) => {
    expect(await answered(() => waitForApproval('q'), answer)).toBe(decision);
  });

  it('refuses anything else', async () => {
    expect(
      await acceptedOf(() => waitForApproval('q'), ['yes', 1, null, {}, { approved: 'yes' }, ['approved'], ''], true),
    ).toEqual([]);
  });
});

describe('waitForChoice() and waitForChoices()', () => {
  it.each(['red', 'blue', 3])('returns the chosen value %p', async (answer) => {
    expect(await answered(() => waitForChoice('q', { choices: colours }), answer)).toBe(answer);
  });

  it('several', async () => {
    expect(await answered(() => waitForChoices('q', { choices: colours }), ['blue', 3])).toEqual(['blue', 3]);
    expect(await answered(() => waitForChoices('q', { choices: colours }), ['red'])).toEqual(['red']);
  });

  it('refuse what is no choice', async () => {
    expect(
      await acceptedOf(() => waitForChoice('q', { choices: colours }), ['green', 'Red', '3', ['red'], null], 'red'),
    ).toEqual([]);
    expect(
      await acceptedOf(
        () => waitForChoices('q', { choices: colours }),
        ['red', ['red', 'green'], null, { 0: 'red' }],
        ['red'],
      ),
    ).toEqual([]);
  });
});

describe('waitForText()', () => {
  it('returns the text', async () => {
    expect(await answered(() => waitForText('q'), 'so it is')).toBe('so it is');
  });

  it('wants a string', async () => {
    expect(await acceptedOf(() => waitForText('q'), [7, true, null, { text: 'x' }, ['x']], 'text')).toEqual([]);
  });
});

describe('waitForForm()', () => {
  const ask: Ask = () => waitForForm('q', { fields });

  it('returns the values of the fields', async () => {
    const answer = { who: 'ann', age: 7, vip: false, from: new Date(7), size: 'L' };
    expect(await answered(ask, answer)).toEqual(answer);
  });

  it('needs only what is required', async () => {
    expect(await answered(ask, { who: 'ann' })).toEqual({ who: 'ann' });
  });

  it.each(['2026-03-01', '2026-03-01T10:00:00Z', '2026-03-01T10:00:00.123+02:00'])(
    'takes the ISO string %s for a date',
    async (from) => {
      const run = await begin(test, ask);
      await run.provideInput('q', { who: 'ann', from });
      expect((await got(run)) as object).toHaveProperty('from');
    },
  );

  it('refuses what does not fit', async () => {
    const wrong = [
      {},
      { age: 7 },
      { who: 7 },
      { who: 'ann', age: '7' },
      { who: 'ann', age: NaN },
      { who: 'ann', vip: 'yes' },
      { who: 'ann', from: 'soon' },
      { who: 'ann', from: '2026-02-30' },
      { who: 'ann', from: 1 },
      { who: 'ann', from: new Date(NaN) },
      { who: 'ann', size: 'M' },
      { who: 'ann', size: 'Large' },
      { who: 'ann', unknown: 1 },
      'ann',
      null,
      ['ann'],
    ];
    expect(await acceptedOf(ask, wrong, { who: 'ann' })).toEqual([]);
  });

  it('lists every violation', async () => {
    const run = await begin(test, ask);
    await expect(run.provideInput('q', { age: 'x', unknown: 1 })).rejects.toMatchObject({
      name: 'InvalidInputError',
      message: expect.stringMatching(/who[^]*age[^]*unknown|age[^]*who[^]*unknown|unknown[^]*who[^]*age/) as string,
    });
    await run.cancel();
  });
});

it('waitForInput() with a type is checked as the function of that type', async () => {
  const typed: [InputOptions, unknown, unknown][] = [
    [{ type: 'approval' }, 'perhaps', 'approved'],
    [{ type: 'form', fields }, { age: 1 }, { who: 'ann' }],
    [{ type: 'single_choice', choices: colours }, 'green', 'red'],
    [{ type: 'multi_choice', choices: colours }, ['green'], ['red']],
    [{ type: 'free_text' }, 7, 'text'],
  ];
  for (const [options, wrong, right] of typed)
    expect(await acceptedOf(() => waitForInput('q', options), [wrong], right)).toEqual([]);
});
