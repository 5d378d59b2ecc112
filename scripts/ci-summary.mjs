import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The last line of .ci/run, from what jest wrote: "N passed, N failed". A spec file that did not even run is one
 * failure, and so is each stage that failed with no failed test to show for it. Exits with 1 when anything failed.
 */
const FILES = new Map([
  ['package', 'package.json'],
  ['tests', 'tests.json'],
  ['pages', 'pages.json'],
  ['faults', 'chaos.json'],
]);
const [folder, ...failedStages] = process.argv.slice(2);
let passed = 0;
let failed = 0;
for (const [stage, file] of FILES) {
  const path = join(folder, file);
  if (!existsSync(path)) {
    failed += 1;
    continue;
  }
  const result = JSON.parse(readFileSync(path, 'utf8'));
  const failures = result.numFailedTests + result.numRuntimeErrorTestSuites;
  const unexplained =
    failures === 0 && (!result.success || failedStages.includes(stage) || result.numPassedTests === 0);
  passed += result.numPassedTests;
  failed += unexplained ? 1 : failures;
}
failed += failedStages.filter((stage) => !FILES.has(stage)).length;
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
