/**
 * Tests that take hours: `npm run test:long`. `npm test` has a sample of each: other tests, or half of what these
 * draw at random.
 */
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: [
      'test/**/*.long.ts',
      'test/ops/*.test.ts',
      'test/oracle/differences.test.ts',
      'test/engine/runs.test.ts',
      'test/browser/engine.test.ts',
    ],
    globalSetup: 'test/setup.ts',
    pool: 'forks',
    maxWorkers: 1,
    fileParallelism: false,
    testTimeout: 3_600_000,
    hookTimeout: 60_000,
    env: {
      GRADLENS_RUNS: 'all',
      LP_NUM_THREADS: '1', // the nets are small, and a device that was lost keeps lavapipe's threads for long
    },
  },
});
