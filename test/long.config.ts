/** Tests that take an hour: `npm run test:long`. They are no part of `npm test`, which has a sample of each. */
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.long.ts'],
    globalSetup: 'test/setup.ts',
    pool: 'forks',
    maxWorkers: 1,
    fileParallelism: false,
    testTimeout: 3_600_000,
    hookTimeout: 60_000,
    env: { LP_NUM_THREADS: '1' }, // the nets are small, and a device that was lost keeps lavapipe's threads for long
  },
});
