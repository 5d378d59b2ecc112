import { write } from './report.mjs';
import { runSuite } from './suite.mjs';

/** npm run test:chaos [-- FAULT …] [--short] [--write] [-- jest arguments], see suite.mjs. `--short` is what CI runs. */
runSuite({ folder: import.meta.dirname, page: 'docs/faults.md', write });
