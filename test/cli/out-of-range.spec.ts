import { cli } from './support.js';

/** Times that no database takes are told by the name of their option, before one is looked for. */

const NOBODY = ['--url', 'postgres://127.0.0.1:1/x'];

it.each([
  ['--since', ['list', '--since', '3000000d']],
  ['--until', ['list', '--until', '99999999d']],
  ['--since', ['list', '--group', '--since', '0000-06-01']],
  ['--since', ['cancel', '--since', '3000000d', '--yes']],
  ['--older-than', ['cleanup', '--older-than', '99999999999d']],
  ['--older-than', ['cleanup', '--older-than', '3000000d', '--dry-run']],
  ['--expiring-in', ['pending', '--expiring-in', '99999999999999999']],
  ['--delay', ['run', 'quick', '--delay', '99999999d']],
  ['--timeout', ['queues', 'drain', 'mail', '--timeout', '99999999d']],
])('%s of %j', async (option, argv) => {
  const { code, out, err } = await cli([...argv, ...NOBODY]);
  expect({ code, out, err }).toEqual({ code: 2, out: '', err: expect.stringContaining(`${option}: expected `) });
  expect(err).toContain(`got "${argv.find((word) => /^\d/.test(word))}"`);
});
