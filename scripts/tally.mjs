/**
 * A vitest reporter that counts, for scripts/test.mjs, into the file $GRADLENS_TALLY. Stricter than vitest's own sum: a
 * file whose worker died, or that failed as a whole, has no passed tests; an error outside of any test is a failure of
 * its own, and so is a test that is skipped without a reason (test/needs.ts).
 *
 * @typedef {{ passed: number, failed: number, skipped: Record<string, number> }} Counted skipped: by reason
 */
import { writeFileSync } from 'node:fs';

const NOT_ASKED_FOR = 'not among the tests that were asked for';

export default class Tally {
  /** @type {import('vitest/node').Vitest | undefined} */
  asked;

  /** @param {import('vitest/node').Vitest} vitest */
  onInit(vitest) {
    this.asked = vitest;
  }

  /**
   * @param {readonly import('vitest/node').TestModule[]} modules
   * @param {readonly unknown[]} unhandledErrors
   */
  onTestRunEnd(modules, unhandledErrors) {
    /** @type {Counted} */
    const tally = { passed: 0, failed: unhandledErrors.length, skipped: {} };
    for (const module of modules) {
      const tests = [...module.children.allTests()];
      /** @param {string} state */
      const count = (state) => tests.filter((test) => test.result().state === state).length;
      const ended =
        ['passed', 'skipped'].includes(module.state()) || (module.state() === 'failed' && module.errors().length === 0);
      const passed = ended ? count('passed') : 0;
      const skipped = count('skipped');
      tally.passed += passed;
      tally.failed += ended ? tests.length - passed - skipped : Math.max(1, tests.length - skipped);
      for (const test of tests.filter((test) => test.result().state === 'skipped')) this.#skip(tally, test);
    }
    if (process.env.GRADLENS_TALLY) writeFileSync(process.env.GRADLENS_TALLY, JSON.stringify(tally));
  }

  /**
   * @param {Counted} tally
   * @param {import('vitest/node').TestCase} test
   */
  #skip(tally, test) {
    const reason = reasonOf(test) ?? (this.asked?.config.testNamePattern ? NOT_ASKED_FOR : undefined);
    if (reason === undefined) {
      tally.failed++;
      console.log(`${test.module.moduleId}: '${test.fullName}' is skipped without a reason`);
    } else {
      tally.skipped[reason] = (tally.skipped[reason] ?? 0) + 1;
    }
  }
}

/**
 * Of the test, or of the suite that it is in.
 *
 * @param {any} test
 * @returns {string | undefined}
 */
function reasonOf(test) {
  for (let task = test; task; task = task.parent) {
    const { skipped } = task.meta?.() ?? {};
    if (skipped) return skipped;
  }
  return undefined;
}
