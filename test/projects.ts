/**
 * The projects that vitest runs, and which test file belongs to which. Nobody keeps a list: a file that reaches a
 * browser or a GPU through its imports cannot run without one, and no other file needs to wait for one.
 *
 *     pure      nothing but its own process: in parallel, in seconds
 *     gpu       WebGPU in Node, or programs that the file starts, such as a build
 *     browser   a page in the run's Chromium, which test/setup.ts starts with the server that it needs
 */
import type { TestProjectInlineConfiguration } from 'vitest/config';
import { reachedFrom, testFiles } from './importGraph.ts';

type ProjectName = 'pure' | 'gpu' | 'browser';

export function projectOf(file: string): ProjectName {
  const reached = reachedFrom(file);
  if (reached.has('puppeteer')) return 'browser';
  return ['webgpu', 'vite', 'node:child_process'].some((name) => reached.has(name)) ? 'gpu' : 'pure';
}

// A software GPU takes all cores, so its files run one after the other; and a crash of Dawn takes only the process of
// its own file.
const ALONE = { pool: 'forks', maxWorkers: 1, fileParallelism: false } as const;

export function projects(): TestProjectInlineConfiguration[] {
  const files = testFiles();
  const project = (name: ProjectName, groupOrder: number, options: TestProjectInlineConfiguration['test']) => ({
    extends: true as const,
    test: {
      name,
      include: files.filter((file) => projectOf(file) === name),
      sequence: { groupOrder }, // one project after the other
      ...options,
    },
  });
  return [
    project('pure', 0, { pool: 'threads' }),
    project('gpu', 1, ALONE),
    project('browser', 2, { ...ALONE, globalSetup: 'test/setup.ts' }),
  ];
}
