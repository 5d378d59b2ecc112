import { runSuite } from '../chaos/suite.mjs';
import { write } from './report.mjs';

/** npm run test:ha [-- FAULT …] [--short] [--write] [-- jest arguments], see test/chaos/suite.mjs. A quarter of an hour. */
runSuite({ folder: import.meta.dirname, page: 'docs/how-to/high-availability.md', write });
