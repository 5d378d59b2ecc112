import { normaliseApproval } from '../../core/input/input-check.js';
import { checkDuration, DATE, isDate, refused } from '../../core/limits.js';
import type { InputChoice, InputField } from '../../core/run/wait-spec.js';
import { waiting } from './calls.js';
import { ask, events, input, type InputOptions, NONE, type WaitOptions } from './wait-requests.js';

/**
 * Waits of a step. One that is not over suspends the run: no worker, no timer in memory, no connection. When it is over
 * the step runs again from its top, and the wait returns its value; put side effects that come before it in `once`.
 *
 * All of them throw `NotInStepError` outside a step, `WaitInTransactionError` in a transactional one, and
 * `WaitCancelledError` when `cancelWait` ends them.
 */

type Declared<V, K extends keyof InputOptions = never> = Omit<InputOptions<V>, 'type' | K>;

/**
 * Suspends the run for `ms`.
 *
 * @throws InvalidInputError for anything but a number of ms, at least 0
 * @example
 * ```ts
 * @Workflow()
 * export class TrialWorkflow {
 *   @Step()
 *   async remind(user: { email: string }) {
 *     await sleep(days(14));
 *     await mailer.send(user.email);
 *   }
 * }
 * ```
 */
export function sleep(ms: number): Promise<void> {
  return waiting('sleep', null, (waits) =>
    ask(waits, 'sleep', 'sleep', [], waits.now() + checkDuration('sleep()', 'ms', ms), null, null),
  );
}

/**
 * Suspends the run until `date`; a time in the past is over at once.
 *
 * @throws InvalidInputError for no valid `Date`
 * @example
 * ```ts
 * @Workflow()
 * export class InvoiceWorkflow {
 *   @Step()
 *   async send(order: Order) {
 *     await scheduleAt(nextBusinessDay({ hour: 9, timezone: 'Europe/Berlin' }));
 *     await mailer.send(order.id);
 *   }
 * }
 * ```
 */
export function scheduleAt(date: Date): Promise<void> {
  return waiting('scheduleAt', null, (waits) => {
    if (!isDate(date)) throw refused('scheduleAt()', 'date', DATE, date);
    return ask(waits, 'sleep', 'schedule', [], new Date(date).getTime(), null, null);
  });
}

/**
 * Waits for an event and returns its payload: the first of that name that no other wait has taken, sent before the wait
 * or after it.
 *
 * @throws WaitTimeoutError after `timeout` ms without `timeoutValue`
 * @throws InvalidInputError for a bad name or option
 * @example
 * ```ts
 * @Workflow()
 * export class OrderWorkflow {
 *   @Step()
 *   async awaitPayment(order: Order) {
 *     const paid = await waitForEvent<{ amount: number }>('paid', { timeout: days(3), timeoutValue: { amount: 0 } });
 *     return { ...order, amount: paid.amount };
 *   }
 * }
 * ```
 */
export function waitForEvent<T = unknown>(name: string, options: WaitOptions<T> = NONE): Promise<T> {
  return events('waitForEvent', 'event', [name], options);
}

/**
 * Waits for the first event of these names (1 to 1000) and returns `[name, payload]`.
 *
 * @throws WaitTimeoutError after `timeout` ms without `timeoutValue`
 * @throws InvalidInputError for a bad name or option
 * @example
 * ```ts
 * @Workflow()
 * export class OrderWorkflow {
 *   @Step()
 *   async settle(order: Order) {
 *     const [outcome] = await waitForAny(['paid', 'declined']);
 *     return { ...order, outcome };
 *   }
 * }
 * ```
 */
export function waitForAny<T = unknown, V = [name: string, payload: T]>(
  names: readonly string[],
  options: WaitOptions<V> = NONE,
): Promise<[name: string, payload: T] | V> {
  return events('waitForAny', 'any', names, options);
}

/**
 * Waits for one event of each of these names (1 to 1000) and returns their payloads by name. Takes the events only when
 * all are there.
 *
 * @throws WaitTimeoutError after `timeout` ms without `timeoutValue`; its `received` names the events that had come, which
 * stay in the mailbox
 * @throws InvalidInputError for a bad name or option
 * @example
 * ```ts
 * @Workflow()
 * export class OrderWorkflow {
 *   @Step()
 *   async gather(order: Order) {
 *     const { paid } = await waitForAll<{ paid: number; packed: boolean }>(['paid', 'packed']);
 *     return { ...order, paid };
 *   }
 * }
 * ```
 */
export function waitForAll<T = Record<string, unknown>, V = T>(
  names: readonly string[],
  options: WaitOptions<V> = NONE,
): Promise<T | V> {
  return events('waitForAll', 'all', names, options);
}

/**
 * Waits for an input and returns the answer that a person or a program gave with `provideInput`.
 *
 * @throws WaitTimeoutError after `timeout` ms without `timeoutValue`
 * @throws InvalidInputError for a bad name, option or declaration
 * @example
 * ```ts
 * @Workflow()
 * export class OrderWorkflow {
 *   @Step()
 *   async discount(order: Order) {
 *     const percent = await waitForInput<number>('discount', { prompt: `Discount for ${order.id} in percent` });
 *     return { ...order, percent };
 *   }
 * }
 * ```
 */
export function waitForInput<T = unknown>(name: string, options: InputOptions<T> = {}): Promise<T> {
  return input('waitForInput', name, null, options);
}

/**
 * Waits for a person's approval and returns `'approved'` or `'rejected'`. Answers: `true` or `false`, `'approved'` or
 * `'rejected'`, `{ approved: true, … }`.
 *
 * @throws WaitTimeoutError after `timeout` ms without `timeoutValue`
 * @throws InvalidInputError for a bad name or option
 * @example
 * ```ts
 * @Workflow()
 * export class ExpenseWorkflow {
 *   @Step()
 *   async review(expense: { amount: number }) {
 *     const verdict = await waitForApproval('manager', { timeout: days(7), timeoutValue: 'rejected' as const });
 *     return { ...expense, verdict };
 *   }
 * }
 * ```
 */
export function waitForApproval<V = never>(
  name: string,
  options: Declared<V, 'fields' | 'choices'> = {},
): Promise<'approved' | 'rejected' | V> {
  return input('waitForApproval', name, 'approval', options, saidOf);
}

/**
 * Waits for a choice of one value and returns it.
 *
 * @throws WaitTimeoutError after `timeout` ms without `timeoutValue`
 * @throws InvalidInputError for a bad name, option or choice
 * @example
 * ```ts
 * @Workflow()
 * export class OrderWorkflow {
 *   @Step()
 *   async carrier(order: Order) {
 *     const choices = [{ value: 'dhl', label: 'DHL' }, { value: 'ups' }];
 *     return { ...order, carrier: await waitForChoice<string>('carrier', { choices }) };
 *   }
 * }
 * ```
 */
export function waitForChoice<T = unknown>(
  name: string,
  options: Declared<T, 'fields'> & { choices: readonly InputChoice[] },
): Promise<T> {
  return input('waitForChoice', name, 'single_choice', options);
}

/**
 * Waits for a choice of several values and returns them.
 *
 * @throws WaitTimeoutError after `timeout` ms without `timeoutValue`
 * @throws InvalidInputError for a bad name, option or choice
 * @example
 * ```ts
 * @Workflow()
 * export class OrderWorkflow {
 *   @Step()
 *   async extras(order: Order) {
 *     const extras = await waitForChoices<string>('extras', { choices: [{ value: 'gift wrap' }, { value: 'insurance' }] });
 *     return { ...order, extras };
 *   }
 * }
 * ```
 */
export function waitForChoices<T = unknown>(
  name: string,
  options: Declared<T[], 'fields'> & { choices: readonly InputChoice[] },
): Promise<T[]> {
  return input('waitForChoices', name, 'multi_choice', options);
}

/**
 * Waits for a text and returns it.
 *
 * @throws WaitTimeoutError after `timeout` ms without `timeoutValue`
 * @throws InvalidInputError for a bad name or option
 * @example
 * ```ts
 * @Workflow()
 * export class OrderWorkflow {
 *   @Step()
 *   async comment(order: Order) {
 *     return { ...order, comment: await waitForText('comment', { prompt: 'Anything to add?' }) };
 *   }
 * }
 * ```
 */
export function waitForText<V = string>(
  name: string,
  options: Declared<V, 'fields' | 'choices'> = {},
): Promise<string | V> {
  return input('waitForText', name, 'free_text', options);
}

/**
 * Waits for a form and returns the values of its fields, by name.
 *
 * @throws WaitTimeoutError after `timeout` ms without `timeoutValue`
 * @throws InvalidInputError for a bad name, option or field
 * @example
 * ```ts
 * @Workflow()
 * export class OrderWorkflow {
 *   @Step()
 *   async address(order: Order) {
 *     const address = await waitForForm<{ street: string; floor?: number }>('address', {
 *       fields: [
 *         { name: 'street', type: 'text', required: true },
 *         { name: 'floor', type: 'number' },
 *       ],
 *     });
 *     return { ...order, address };
 *   }
 * }
 * ```
 */
export function waitForForm<T extends object = Record<string, unknown>>(
  name: string,
  options: Declared<T, 'choices'> & { fields: readonly InputField[] },
): Promise<T> {
  return input('waitForForm', name, 'form', options);
}

function saidOf(answer: unknown): unknown {
  return normaliseApproval(answer) ?? answer;
}
