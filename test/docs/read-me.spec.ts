import { parsePage, readPage } from './pages.js';
import { readQuickStart, requestOf } from './read-me.js';

/** How the README is read by test/packaging/newcomer.spec.ts, which does what it says. */

it('finds files, commands and requests in README.md', () => {
  const { files, install, start, requests } = readQuickStart(readPage('README.md'));
  expect([...files.keys()]).toEqual(['src/app.module.ts', 'src/main.ts']);
  expect(install.every((command) => command.startsWith('npm install '))).toBe(true);
  expect(start).toBe('NODE_ENV=development npm start');
  expect(requests.map(({ method }) => method)).toEqual(['POST', 'GET']);
});

it('takes a line with curl apart as a shell does', () => {
  const line = `curl -s -X POST http://x/y -H 'content-type: application/json' -d '{"a":"b c"}'`;
  const headers = { 'content-type': 'application/json' };
  expect(requestOf(line)).toEqual({ line, method: 'POST', url: 'http://x/y', headers, body: '{"a":"b c"}' });
  expect(requestOf('curl http://x/y -d z')).toMatchObject({ method: 'POST', url: 'http://x/y', body: 'z' });
  expect(() => requestOf('curl --insecure http://x')).toThrow('--insecure in: curl --insecure http://x');
});

it('refuses a page that leaves a newcomer alone', () => {
  expect(() => readQuickStart(parsePage('a.md', '# Quick start\n```sh\nnpm start\n```\n'))).toThrow(
    'a.md has no command that starts the app before a curl',
  );
  const nameless = '# Quick start\n```ts\nlet a;\n```\n```sh\nnpm start\ncurl http://x\n```\n';
  expect(() => readQuickStart(parsePage('a.md', nameless))).toThrow('a.md:3: which file is this?');
});

it('takes the name of a file from the line before it too', () => {
  const page = '# Quick start\nNow `src/a.ts`:\n```ts\nlet a;\n```\n```sh\nnpm start\ncurl http://x\n# ok\n```\n';
  const { files, requests } = readQuickStart(parsePage('a.md', page));
  expect([...files]).toEqual([['src/a.ts', 'let a;\n']]);
  expect(requests[0]?.prints).toBe('ok');
});
