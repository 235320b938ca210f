/**
 * What a reader may take of any input: five seconds (of the processor, since the machine may be busy) and 256 MB. The
 * time of a case that comes back is measured; one that never does is ended, together with the process, by a thread that
 * looks on, and its bytes are left in a file.
 */
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';

const MOST_SECONDS = 5;
const MOST_KIB = 256 * 1024; // as resourceUsage counts
const LONGEST_INPUT = 2 ** 20;

/** `[number of the case, 0 between cases, length of its input]`, and the input. */
const state = new Int32Array(new SharedArrayBuffer(12));
const input = new Uint8Array(new SharedArrayBuffer(LONGEST_INPUT));
const hangFile = join(tmpdir(), `gradlens-fuzz-hang-${process.pid}`);

/** Of the processor, by this process; not by others on a busy machine. */
export const secondsUsed = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};

/** Patience is longer than the limit: the compiler and the collector run in threads of their own. */
const watch = `
const { workerData: { state, input, hangFile } } = require('node:worker_threads');
const used = () => { const { user, system } = process.cpuUsage(); return (user + system) / 1e6; };
let [seen, since] = [0, used()];
setInterval(() => {
  if (state[0] !== seen || state[1] === 0) [seen, since] = [state[0], used()];
  else if (used() - since > 15) {
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
  const [start, before] = [secondsUsed(), process.resourceUsage().maxRSS];
  try {
    await run();
  } finally {
    state[1] = 0;
  }
  const [seconds, grown] = [secondsUsed() - start, process.resourceUsage().maxRSS - before];
  if (seconds > MOST_SECONDS) throw new Error(`took ${seconds.toFixed(1)} s; at most ${MOST_SECONDS} are allowed`);
  if (grown > MOST_KIB) throw new Error(`took ${Math.round(grown / 1024)} MiB; at most ${MOST_KIB / 1024} are allowed`);
}
