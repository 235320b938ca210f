/** Tries mutants on a copy of the repository; the checkout is not touched. */
import { type ChildProcess, fork } from 'node:child_process';
import { cpSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { type Candidate, testsOf } from './choice';

export type Verdict = 'killed' | 'timeout' | 'survived';

export interface Outcome {
  readonly verdict: Verdict;
  readonly seconds: number;
  /** The tests that ran, in their order; the last one noticed. */
  readonly tests: readonly string[];
  /** What it said. */
  readonly failure: string | null;
}

/** A mutant that nothing noticed for so long counts as survived; tests that would take longer are not begun. */
const LONGEST_SECONDS = 100;

/** Everything but what can be had again. */
export function copyRepository(root: string, to: string): void {
  const left = new Set(['node_modules', '.git', 'dist']);
  cpSync(root, to, { recursive: true, filter: (path) => relative(root, path) === '' || !left.has(basename(path)) });
  symlinkSync(join(root, 'node_modules'), join(to, 'node_modules'), 'dir');
}

export class Tries {
  private runner: ChildProcess | undefined;

  /**
   * @param unharmed How long a file of tests takes without any mistake: asked when it is first needed, and added here.
   *   Tests that fail as they are can tell nothing of a mistake: null.
   * @param pure Only by tests that need no GPU.
   */
  constructor(
    private readonly copy: string,
    private readonly unharmed: Map<string, number | null>,
    private readonly pure: boolean,
  ) {}

  async try(candidate: Candidate): Promise<Outcome> {
    const begin = Date.now();
    const tests: string[] = [];
    const outcome = (verdict: Verdict, failure: string | null = null): Outcome => ({
      verdict,
      seconds: Math.round((Date.now() - begin) / 100) / 10,
      tests,
      failure,
    });
    let spent = 0;
    for (const test of testsOf(candidate.file, this.pure, this.unharmed)) {
      const usual = await this.usual(test);
      if (usual === null) continue;
      if (tests.length > 0 && spent + usual > LONGEST_SECONDS) continue;
      spent += usual;
      tests.push(test);
      const failure = await this.mutated(candidate, () => this.run(test, 3 * usual + 20, candidate.file));
      if (failure !== null) return outcome(failure === TIMEOUT ? 'timeout' : 'killed', failure);
    }
    return outcome('survived');
  }

  stop(): void {
    const pid = this.runner?.pid;
    this.runner = undefined;
    if (pid === undefined) return;
    try {
      process.kill(-pid, 'SIGKILL'); // the group: its workers, too
    } catch {
      // it has ended by itself
    }
  }

  private async usual(test: string): Promise<number | null> {
    const known = this.unharmed.get(test);
    if (known !== undefined) return known;
    const begin = Date.now();
    const failure = await this.run(test, 300);
    if (failure !== null) console.log(`left out, since it fails without any mistake: ${test}: ${failure}`);
    const usual = failure === null ? (Date.now() - begin) / 1000 : null;
    this.unharmed.set(test, usual);
    return usual;
  }

  private async mutated<Result>({ file, start, end, text }: Candidate, act: () => Promise<Result>): Promise<Result> {
    const path = join(this.copy, file);
    const source = readFileSync(path, 'utf8');
    writeFileSync(path, source.slice(0, start) + text + source.slice(end));
    try {
      return await act();
    } finally {
      writeFileSync(path, source);
    }
  }

  /** What failed, or null. */
  private run(file: string, seconds: number, mutated?: string): Promise<string | null> {
    this.runner ??= fork(join(this.copy, 'test/mutate/runner.mjs'), {
      cwd: this.copy,
      detached: true, // a group of its own
      stdio: 'ignore',
      env: { ...process.env, GRADLENS_VULKAN: process.env['GRADLENS_VULKAN'] ?? 'lavapipe', FUZZ_RUNS: '300' },
    });
    const runner = this.runner;
    return new Promise((resolve) => {
      const end = (failure: string | null, broken: boolean): void => {
        clearTimeout(timer);
        runner.removeAllListeners();
        if (broken) this.stop();
        resolve(failure);
      };
      const timer = setTimeout(() => end(TIMEOUT, true), seconds * 1000);
      runner.once('message', ({ failure }: { failure: string | null }) => end(failure, false));
      runner.once('exit', (code) => end(`the runner ended with ${code}`, true));
      runner.send({ file, mutated });
    });
  }
}

const TIMEOUT = 'timed out';
