import { firstAnswer } from '../../lib/cli/database/first-answer.js';
import { resolveTarget } from '../../lib/storage/connection/database-target.js';
import { createTestDatabase } from '../support/database.js';
import { cli, json } from './support.js';

/** What helps where the first session says no: a server that has answered is not looked for. */

const target = resolveTarget({ url: 'postgres://me:secret@127.0.0.1:1/shop' });

function refusal(code: string, message: string): Error {
  return Object.assign(new Error(message), { severity: 'FATAL', code });
}

it.each([
  ['53300', 'sorry, too many clients already', 'End sessions that nobody needs'],
  ['57P03', 'the database system is starting up', 'Wait until it has started'],
  ['55000', 'database "shop" is not currently accepting connections', 'Create the database, or'],
  ['08P01', 'database "shop" does not exist', 'Create the database, or'],
])('of %s, "%s", it is told what helps', async (code, message, mend) => {
  const refused = firstAnswer(target, () => Promise.reject(refusal(code, message)));
  await expect(refused).rejects.toMatchObject({
    text: expect.stringContaining(message),
    mend: expect.stringContaining(mend),
  });
});

it.each(['The server does not support SSL connections', 'self-signed certificate in certificate chain'])(
  'of "%s" the mend is sslmode',
  async (message) => {
    const refused = firstAnswer(target, () => Promise.reject(new Error(message)));
    await expect(refused).rejects.toMatchObject({ mend: expect.stringContaining('sslmode') });
  },
);

it.each([['list'], ['doctor', '--json'], ['migrate', 'status']])(
  'a server that takes no writes is not to be started, but another to be given: %s',
  async (...argv) => {
    const url = new URL((await createTestDatabase()).url);
    url.searchParams.set('options', '-c default_transaction_read_only=on');
    const { code, out, err } = await cli([...argv, '--url', url.href]);
    expect(code).toBe(1);
    expect(out + err).toContain('Reset that for the role, the database or the server, or name another');
  },
);

it('the mend of a server that is not there is that it is to run', async () => {
  const ran = await cli(['doctor', '--json', '--url', 'postgres://127.0.0.1:1/x']);
  expect(json<{ checks: object[] }>(ran).checks).toMatchObject([
    { mend: expect.stringContaining('Check that PostgreSQL runs there') },
  ]);
});
