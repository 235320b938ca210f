/**
 * A process that runs test files on demand and says what failed. Apart from the rest, since a mutant may never end:
 * then the whole process is killed, with its workers.
 */
import { join } from 'node:path';
import { createVitest } from 'vitest/node';

process.on('message', ({ file, mutated }) => void run(file, mutated));

/** One for all runs, which keeps what it has transformed. */
const starting = createVitest('test', {
  config: false, // no page, no Chromium
  root: process.cwd(),
  watch: false,
  pool: 'forks',
  maxWorkers: 1,
  fileParallelism: false,
  bail: 1,
  include: ['test/**/*.test.ts'],
  reporters: [{}],
  testTimeout: 60_000,
  hookTimeout: 60_000,
});

/** The file that is not as it was when it was transformed. */
let changed = /** @type {string | undefined} */ (undefined);

/**
 * @param {string} file Of tests.
 * @param {string | undefined} mutated What is changed for this run alone.
 */
async function run(file, mutated) {
  const vitest = await starting;
  for (const path of [changed, mutated]) if (path !== undefined) vitest.invalidateFile(join(process.cwd(), path));
  changed = mutated;
  const { state } = vitest; // of the run before, whose failure would end this one
  for (const kept of [state.filesMap, state.idMap, state.errorsSet]) kept.clear();
  const { testModules, unhandledErrors } = await vitest.runTestSpecifications([
    vitest.getRootProject().createSpecification(join(process.cwd(), file)),
  ]);
  const tests = testModules.flatMap((module) => [...module.children.allTests()]);
  const failed = tests.find((test) => test.result().state === 'failed');
  const errors = [
    ...(failed ? [`${failed.fullName}: ${failed.result().errors[0]?.message}`] : []),
    ...testModules.flatMap((module) => module.errors().map(({ message }) => message)),
    ...unhandledErrors.map((error) => String(error?.message ?? error)),
  ];
  const passed =
    testModules.length > 0 && testModules.every((module) => ['passed', 'skipped'].includes(module.state()));
  process.send({ failure: passed && errors.length === 0 ? null : (errors[0] ?? 'failed').slice(0, 300) });
}
