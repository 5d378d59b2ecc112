import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { repository } from '../pages.js';
import { cliPage } from './cli.js';
import { errorsPage } from './errors.js';
import { eventsPage } from './events.js';
import { exportsPage } from './exports.js';
import { metricsPage } from './metrics.js';
import { optionsPage } from './options.js';
import { Source } from './source.js';
import { tablesPage } from './tables.js';

const source = new Source();

const pages: readonly (readonly [name: string, make: () => string])[] = [
  ['options', () => optionsPage(source)],
  ['exports', () => exportsPage(source)],
  ['errors', () => errorsPage(source)],
  ['events', () => eventsPage(source)],
  ['metrics', metricsPage],
  ['tables', tablesPage],
  ['cli', cliPage],
];

it.each(pages)('docs/reference/%s.md is what the sources say (npm run docs:reference writes it anew)', (name, make) => {
  const file = join(repository, `docs/reference/${name}.md`);
  const text = make();
  if (process.env['UPDATE_REFERENCE'] === '1') writeFileSync(file, text);
  expect(text).toBe(readFileSync(file, 'utf8'));
});
