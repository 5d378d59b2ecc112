import { readFileSync } from 'node:fs';
import { statusDiagram } from '../../lib/core/run/status.js';

it('lib/README.md shows the states as the table has them', () => {
  const readme = readFileSync(new URL('../../lib/README.md', import.meta.url), 'utf8');
  expect(readme).toContain(statusDiagram());
});
