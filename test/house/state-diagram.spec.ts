import { readFileSync } from 'node:fs';
import { statusDiagram } from '../../lib/core/run/status.js';
import { ALL_PHASES, PHASES, phaseDiagram } from '../../lib/engine/run/phases.js';

const readme = readFileSync(new URL('../../lib/README.md', import.meta.url), 'utf8');

it('lib/README.md shows the states of a run as the table has them', () => {
  expect(readme).toContain(statusDiagram());
});

it('lib/README.md shows the phases of a session as the table has them', () => {
  expect(readme).toContain(phaseDiagram());
  for (const phase of ALL_PHASES) {
    expect(readme).toContain(`- ${phase}: ${PHASES[phase].meaning}`);
    expect(PHASES[phase].next.filter((next) => !ALL_PHASES.includes(next))).toEqual([]);
  }
});
