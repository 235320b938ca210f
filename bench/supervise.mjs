/**
 * Jobs in processes of their own, under limits: one that shows no sign of life, takes too much memory or dies is ended
 * with everything it started, and so is every job when this process ends, however it ends.
 */
import { readFileSync, readdirSync } from 'node:fs';
import { freemem } from 'node:os';

/**
 * A job that runs: its process, its result, and how to end it.
 *
 * @typedef {{ pid: number, done: Promise<any>, kill: () => void }} Job
 * @typedef {{ seconds: number, bytes: number }} Limits without a sign of life; of memory
 * @typedef {(contender: string | null) => void} Tell
 */

const EVERY_MILLISECONDS = 1000;
const LEAST_BYTES = 2e9;

/** @type {Set<Job>} */
const live = new Set();
const killAll = () => {
  for (const job of live) job.kill();
  live.clear();
};
process.on('exit', killAll);
/** @type {[NodeJS.Signals, number][]} */
const SIGNALS = [
  ['SIGINT', 2],
  ['SIGTERM', 15],
  ['SIGHUP', 1],
];
for (const [signal, number] of SIGNALS) process.on(signal, () => process.exit(128 + number));

/** Most of what is free now: past that, a machine only swaps. */
export const bytesByDefault = () => Math.max(LEAST_BYTES, 0.7 * freemem());

/**
 * `start(tell)` resolves with `{ pid, done, kill }`; the job calls `tell(contender)` as a sign of life, with whoever is
 * at work. Resolves with `{ result }` or with `{ contender, reason }`.
 *
 * @param {(tell: Tell) => Promise<Job>} start
 * @param {Limits} limits
 * @returns {Promise<{ result?: any, contender?: string | null, reason?: string }>}
 */
export async function supervise(start, { seconds, bytes }) {
  /** @type {string | null} */
  let contender = null;
  let last = performance.now();
  const job = await start((atWork) => {
    contender = atWork;
    last = performance.now();
  });
  live.add(job);
  /** @type {NodeJS.Timeout | undefined} */
  let timer;
  /** @type {Promise<string>} */
  const breach = new Promise((resolve) => {
    timer = setInterval(() => {
      if (performance.now() - last > seconds * 1000) resolve(`no sign of life for ${seconds} s`);
      else if (bytesOf(job.pid) > bytes) resolve(`it took more than ${(bytes / 1e9).toFixed(1)} GB of memory`);
    }, EVERY_MILLISECONDS);
  });
  try {
    return await Promise.race([
      job.done.then(
        (result) => ({ result }),
        (/** @type {Error} */ error) => ({ contender, reason: error.message }),
      ),
      breach.then((reason) => ({ contender, reason })),
    ]);
  } finally {
    clearInterval(timer);
    job.kill();
    live.delete(job);
  }
}

/**
 * Kills a process that leads a group, and the group; one that is gone is no error.
 *
 * @param {number} pid
 */
export function killGroup(pid) {
  for (const target of process.platform === 'win32' ? [pid] : [-pid, pid]) {
    try {
      process.kill(target, 'SIGKILL');
    } catch {
      // gone
    }
  }
}

/**
 * Resident bytes of a process and all it started; 0 where there is no /proc.
 *
 * @param {number} pid
 */
function bytesOf(pid) {
  /** @type {Map<number, number[]>} */
  const children = new Map();
  /** @type {Map<number, number>} */
  const resident = new Map();
  for (const name of filesIn('/proc').filter((entry) => /^\d+$/.test(entry))) {
    try {
      const fields = readFileSync(`/proc/${name}/stat`, 'utf8')
        .replace(/^.*\) /s, '')
        .split(' ');
      const [own, parent] = [Number(name), Number(fields[1])];
      children.set(parent, [...(children.get(parent) ?? []), own]);
      resident.set(own, Number(fields[21]) * 4096);
    } catch {
      // it ended meanwhile
    }
  }
  /** @type {(id: number) => number} */
  const sum = (id) =>
    (resident.get(id) ?? 0) + (children.get(id) ?? []).reduce((total, child) => total + sum(child), 0);
  return sum(pid);
}

/** @param {string} folder */
function filesIn(folder) {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
