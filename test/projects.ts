/**
 * The projects that vitest runs, and which test file belongs to which. Nobody keeps a list: a file that reaches a
 * browser or a GPU through its imports cannot run without one, and no other file needs to wait for one.
 *
 *     pure      nothing but its own process: in parallel, in seconds
 *     gpu       WebGPU in Node, or programs that the file starts, such as a build
 *     browser   a page in a Chromium of the run's, which test/setup.ts starts with the server that it needs
 */
import type { TestProjectInlineConfiguration } from 'vitest/config';
import { reachedFrom, testFiles } from './importGraph.ts';

type ProjectName = 'pure' | 'gpu' | 'browser';

export function projectOf(file: string): ProjectName {
  const reached = reachedFrom(file);
  if (reached.has('puppeteer')) return 'browser';
  return ['webgpu', 'vite', 'node:child_process'].some((name) => reached.has(name)) ? 'gpu' : 'pure';
}

/**
 * Of files that run at once. A software GPU takes all cores while it computes, but these tests compile on one, and wait
 * for programs and pages, more than that. Each has a Chromium of its own, since a browser lets only the page in front
 * run freely.
 */
export const PROCESSES = 2;
// a crash of Dawn takes only the process of its own file
const FORKS = { pool: 'forks', maxWorkers: PROCESSES } as const;

export function projects(): TestProjectInlineConfiguration[] {
  const owners = testFiles().map((file) => [file, projectOf(file)] as const);
  const project = (name: ProjectName, groupOrder: number, options: TestProjectInlineConfiguration['test']) => ({
    extends: true as const,
    test: {
      name,
      include: owners.flatMap(([file, owner]) => (owner === name ? [file] : [])),
      sequence: { groupOrder }, // one group after the other
      ...options,
    },
  });
  return [
    // one file after the other in each process, which reads once what they share, and whose time is its own
    project('pure', 0, { pool: 'forks', isolate: false, maxWorkers: '100%' }),
    project('gpu', 1, FORKS),
    project('browser', 1, { ...FORKS, globalSetup: 'test/setup.ts' }),
  ];
}
