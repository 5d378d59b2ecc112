import { nameOfPart, pathPart } from '../../lib/core/path-part.js';

const NAMES = [
  '.',
  '..',
  '~.',
  '~~..',
  '...',
  '~',
  '~a',
  'preview',
  '~preview',
  '%2e',
  '%',
  'a/b?c#d',
  ' ',
  'שלום',
  '.git',
];

it.each(NAMES)('a URL keeps the part that stands for the name %j, which is read from it again', (name) => {
  const { pathname } = new URL(`https://host/schedules/${pathPart(name)}`);
  const part = pathname.slice('/schedules/'.length);
  expect([pathname.startsWith('/schedules/'), part === 'preview', nameOfPart(part)]).toEqual([true, false, name]);
});

it('is no name where it is not encoded as a URL is', () => {
  expect(nameOfPart('%')).toBeNull();
});
