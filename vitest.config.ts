/// The tests, by the page's own server.
import { defineConfig, mergeConfig } from 'vitest/config';
import { projects } from './test/projects.ts';
import config from './vite.config.ts';

export default defineConfig((env) =>
  mergeConfig(config(env), {
    test: {
      projects: projects(),
      testTimeout: 180_000, // two files share what cores there are
      hookTimeout: 60_000,
    },
  }),
);
