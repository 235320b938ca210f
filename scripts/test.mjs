/**
 * `npm test`: gets what the tests need, runs all of them, and ends with one line that counts. Arguments go to vitest.
 */
import { existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getChromium, getVulkan, installPackages, root, run } from './system.mjs';

/** A driver that waits for ever blocks the worker, where no time-out of vitest's can fire. */
const LONGEST_MINUTES = 80;

const total = { passed: 0, failed: 0, skipped: 0 };

try {
  console.log(`gradlens tests on Node ${process.version}, ${process.platform}-${process.arch}`);
  installPackages();

  const chromium = getChromium();
  console.log(`Chromium: ${chromium}`);
  const vulkan = getVulkan();
  console.log(`WebGPU in Node: ${vulkan ?? 'no driver of its own; the SwiftShader beside Chromium has to do'}`);
  if (!vulkan) process.env.GRADLENS_VULKAN ||= 'swiftshader';

  for (const check of ['format:check', 'lint', 'typecheck']) {
    const ok = run('npm', ['run', '--silent', check]);
    total[ok ? 'passed' : 'failed']++;
    if (!ok) console.log(`npm run ${check} failed (above).`);
  }

  const file = join(mkdtempSync(join(tmpdir(), 'gradlens-test-')), 'tally.json');
  const reporters = ['--reporter=default', `--reporter=${join(root, 'scripts/tally.mjs')}`];
  const vitest = run(
    process.execPath,
    [join(root, 'node_modules/vitest/vitest.mjs'), 'run', ...reporters, ...process.argv.slice(2)],
    {
      env: { GRADLENS_CHROMIUM: chromium, GRADLENS_TALLY: file },
      minutes: LONGEST_MINUTES,
    },
  );
  const tally = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : { passed: 0, failed: 0, skipped: 0 };
  for (const state of Object.keys(total)) total[state] += tally[state];

  if (tally.passed + tally.failed === 0) console.log('No test ran.');
  if (tally.failed === 0 && (!vitest || tally.passed === 0)) total.failed++; // it crashed, or found nothing to do
} catch (error) {
  console.log(`\n${error.stack ?? error}`);
  total.failed++;
}

process.exitCode = total.failed > 0 ? 1 : 0;
console.log(
  `\nTests: ${total.passed} passed, ${total.failed} failed${total.skipped > 0 ? `, ${total.skipped} skipped` : ''}`,
);
