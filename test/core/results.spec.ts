import { toStoredError } from '../../lib/core/codec/error-record.js';
import {
  finish,
  goto,
  gotoTarget,
  isFinish,
  isGoto,
  unwrap,
  type ParallelResults,
  type SettledResult,
} from '../../lib/core/run/results.js';

const reason = toStoredError(Object.assign(new TypeError('declined'), { code: 'CARD' }));

it('unwrap gives the values by arm or in order', () => {
  const results: ParallelResults<{ payment: { id: number }; delivery: string }> = {
    payment: { status: 'fulfilled', value: { id: 1 } },
    delivery: { status: 'fulfilled', value: 'tomorrow' },
  };
  const values = unwrap(results);
  expect([values.payment.id, values.delivery.length]).toEqual([1, 8]);
  const list: SettledResult<number>[] = [3, 4].map((value) => ({ status: 'fulfilled', value }));
  const numbers: number[] = unwrap(list);
  expect(numbers).toEqual([3, 4]);
});

it('unwrap throws an error made of the first reason', () => {
  const results = { a: { status: 'fulfilled', value: 1 }, b: { status: 'rejected', reason } } as const;
  const shapes: ParallelResults<object>[] = [results, Object.values(results)];
  for (const given of shapes) {
    let thrown: unknown;
    try {
      unwrap(given);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(Error);
    expect(thrown).toMatchObject({ name: 'TypeError', message: 'declined', code: 'CARD' });
  }
});

it('unwrap keeps an arm named __proto__ a field', () => {
  const results = JSON.parse('{"__proto__":{"status":"fulfilled","value":1}}') as Record<string, SettledResult>;
  expect(Object.entries(unwrap(results))).toEqual([['__proto__', 1]]);
});

it('jumps are known by their mark, not by their shape', () => {
  const jump = goto('ship', { a: 1 });
  expect([isGoto(jump), isFinish(jump), gotoTarget(jump), jump.data]).toEqual([true, false, 'ship', { a: 1 }]);
  expect([isFinish(finish({ b: 2 })), isGoto(finish()), finish({ b: 2 }).data]).toEqual([true, false, { b: 2 }]);
  for (const other of [null, undefined, 'goto', {}, { goto: 'ship', data: {} }, structuredClone({ data: 1 })]) {
    expect([isGoto(other), isFinish(other)]).toEqual([false, false]);
  }
});
