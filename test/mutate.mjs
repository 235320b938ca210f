/**
 * Do the tests notice? Makes one small mistake at a time in a copy of the repository (test/mutate/mutant.ts lists the
 * kinds), runs the tests of the file that it is in, and says which mistakes survived.
 *
 *     node test/mutate.mjs                             a sample of 20 from each folder
 *     node test/mutate.mjs src/gpu shaders/conv        only from these
 *     node test/mutate.mjs --each 50 --seed 2          larger, and another one
 *     node test/mutate.mjs --results FILE              keeps what it found, and goes on where it stopped
 *     node test/mutate.mjs --minutes 5                 begins no new one after so long
 *     node test/mutate.mjs --pure                      folders whose tests need no GPU
 *     node test/mutate.mjs --list                      what would be tried
 *
 * A mistake that survives wants an assertion. If it changes nothing that anybody can see, it goes into
 * test/mutate/equivalents.json with the reason.
 */
import { runnerImport } from 'vite';

const { module } = await runnerImport('./test/mutate/main.ts', { logLevel: 'error' });
process.exitCode = await module.main();
