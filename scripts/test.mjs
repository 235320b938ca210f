/**
 * `npm test`: gets what the tests need, runs all of them, and ends with one line that counts. Arguments go to vitest.
 */
import { existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installPackages } from './packages.mjs';
import { getChromium, getVulkan, root, run, runScripts } from './system.mjs';

/** A driver that waits for ever blocks the worker, where no time-out of vitest's can fire. */
const LONGEST_MINUTES = 80;

/** @type {Record<string, number>} */
const total = { passed: 0, failed: 0 };
/**
 * How many tests were skipped, by reason.
 *
 * @type {Record<string, number>}
 */
let skipped = {};

try {
  console.log(`gradlens tests on Node ${process.version}, ${process.platform}-${process.arch}`);
  await installPackages();

  const chromium = getChromium();
  console.log(`Chromium: ${chromium}`);
  const vulkan = getVulkan();
  console.log(`WebGPU in Node: ${vulkan ?? 'no driver of its own; the SwiftShader beside Chromium has to do'}`);
  if (!vulkan) process.env.GRADLENS_VULKAN ||= 'swiftshader';

  const asked = process.argv.slice(2);
  // the mistakes that the tests should notice are tried only where all tests are asked for
  const checks = ['format:check', 'lint', 'typecheck', ...(asked.length === 0 ? ['test:mutants'] : [])];
  for (const [i, ok] of (await runScripts(checks)).entries()) {
    total[ok ? 'passed' : 'failed']++;
    if (!ok) console.log(`npm run ${checks[i]} failed (above).`);
  }

  const file = join(mkdtempSync(join(tmpdir(), 'gradlens-test-')), 'tally.json');
  const reporters = ['--reporter=default', `--reporter=${join(root, 'scripts/tally.mjs')}`];
  const vitest = run(process.execPath, [join(root, 'node_modules/vitest/vitest.mjs'), 'run', ...reporters, ...asked], {
    env: { GRADLENS_CHROMIUM: chromium, GRADLENS_TALLY: file },
    minutes: LONGEST_MINUTES,
  });
  const tally = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : { passed: 0, failed: 0, skipped: {} };
  for (const state of Object.keys(total)) total[state] += tally[state];
  ({ skipped } = tally);

  if (tally.passed + tally.failed === 0) console.log('No test ran.');
  if (tally.failed === 0 && (!vitest || tally.passed === 0)) total.failed++; // it crashed, or found nothing to do
} catch (error) {
  console.log(`\n${error instanceof Error ? error.message : error}`);
  total.failed++;
}

process.exitCode = total.failed > 0 ? 1 : 0;
console.log();
for (const [reason, count] of Object.entries(skipped)) console.log(`Skipped, ${count}: ${reason}`);
const skips = Object.values(skipped).reduce((sum, count) => sum + count, 0);
console.log(`Tests: ${total.passed} passed, ${total.failed} failed${skips > 0 ? `, ${skips} skipped` : ''}`);
