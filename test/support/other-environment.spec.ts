/** @jest-environment node */
import { runInThisContext } from 'node:vm';
import { CronExpressionParser } from 'cron-parser';
import { append } from '../../lib/helpers.js';

it("runs a file that names another environment in that one, with packages and lib/ of the file's own", () => {
  expect(runInThisContext('globalThis')).not.toBe(globalThis);
  expect(CronExpressionParser.parse('0 0 * * *').next().getHours()).toBe(0);
  expect(Object.getPrototypeOf(append)).toBe(Function.prototype);
});
