/**
 * A vitest reporter that counts, for scripts/test.mjs, into the file $GRADLENS_TALLY. Stricter than vitest's own sum: a
 * file whose worker died, or that failed as a whole, has no passed tests, and an error outside of any test is a failure
 * of its own.
 */
import { writeFileSync } from 'node:fs';

export default class Tally {
  onTestRunEnd(modules, unhandledErrors) {
    const tally = { passed: 0, failed: unhandledErrors.length, skipped: 0 };
    for (const module of modules) {
      const states = [...module.children.allTests()].map((test) => test.result().state);
      const count = (state) => states.filter((other) => other === state).length;
      const ended =
        module.state() === 'passed' ||
        module.state() === 'skipped' ||
        (module.state() === 'failed' && module.errors().length === 0);
      const passed = ended ? count('passed') : 0;
      tally.passed += passed;
      tally.skipped += count('skipped');
      tally.failed += ended ? states.length - passed - count('skipped') : Math.max(1, states.length - count('skipped'));
    }
    if (process.env.GRADLENS_TALLY) writeFileSync(process.env.GRADLENS_TALLY, JSON.stringify(tally));
  }
}
