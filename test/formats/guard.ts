/**
 * What a reader may take of any input: five seconds and 256 MB. The time of a case that comes back is measured; one that never does is
 * ended, together with the process, by a thread that looks on, and its bytes are left in a file.
 */
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';

const MOST_MILLISECONDS = 5000;
const MOST_KIB = 256 * 1024; // as resourceUsage counts
const LONGEST_INPUT = 2 ** 20;

/** `[number of the case, 0 between cases, length of its input]`, and the input. */
const state = new Int32Array(new SharedArrayBuffer(12));
const input = new Uint8Array(new SharedArrayBuffer(LONGEST_INPUT));
export const hangFile = join(tmpdir(), `gradlens-fuzz-hang-${process.pid}`);

/** Patience is longer than the limit, since the machine may be busy. */
const watch = `
const { workerData: { state, input, hangFile } } = require('node:worker_threads');
let [seen, since] = [0, Date.now()];
setInterval(() => {
  if (state[0] !== seen || state[1] === 0) [seen, since] = [state[0], Date.now()];
  else if (Date.now() - since > 30000) {
    require('node:fs').writeFileSync(hangFile, input.slice(0, state[2]));
    require('node:fs').writeSync(2, 'a case hangs; its bytes are in ' + hangFile + '\\n');
    process.kill(process.pid, 'SIGKILL');
  }
}, 1000);`;

/** Looks on until it is called off. */
export function startWatch(): () => Promise<number> {
  const worker = new Worker(watch, { eval: true, workerData: { state, input, hangFile } });
  worker.unref();
  return () => worker.terminate();
}

/** Runs one case, and throws if it took more than it may. */
export async function guarded(bytes: Uint8Array, run: () => unknown): Promise<void> {
  input.set(bytes.subarray(0, LONGEST_INPUT));
  state[2] = Math.min(bytes.length, LONGEST_INPUT);
  state[0]!++;
  state[1] = 1;
  const [start, before] = [performance.now(), process.resourceUsage().maxRSS];
  try {
    await run();
  } finally {
    state[1] = 0;
  }
  const [milliseconds, grown] = [performance.now() - start, process.resourceUsage().maxRSS - before];
  if (milliseconds > MOST_MILLISECONDS) throw new Error(`took ${Math.round(milliseconds)} ms; at most ${MOST_MILLISECONDS} are allowed`);
  if (grown > MOST_KIB) throw new Error(`took ${Math.round(grown / 1024)} MiB; at most ${MOST_KIB / 1024} are allowed`);
}
