/**
 * Timing, and the arithmetic of timings. Nothing in here knows what is timed, nor whether it runs in a browser or in
 * Node.
 */

/** Wall-clock times in milliseconds. */
export interface Stat {
  readonly n: number;
  readonly median: number;
  readonly p10: number;
  readonly p90: number;
  readonly min: number;
  readonly mean: number;
  readonly raw: readonly number[];
}

export function statOf(raw: readonly number[]): Stat {
  if (raw.length === 0) throw new Error('statOf: no times');
  const sorted = [...raw].sort((a, b) => a - b);
  return {
    n: raw.length,
    median: quantile(sorted, 0.5),
    p10: quantile(sorted, 0.1),
    p90: quantile(sorted, 0.9),
    min: sorted[0]!,
    mean: raw.reduce((sum, time) => sum + time, 0) / raw.length,
    raw,
  };
}

/** Between the two nearest of the sorted values, linearly. */
function quantile(sorted: readonly number[], q: number): number {
  const at = q * (sorted.length - 1);
  const below = Math.floor(at);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below]! + (sorted[above]! - sorted[below]!) * (at - below);
}

export const medianOf = (raw: readonly number[]): number => statOf(raw).median;

/** The smallest step that the clock was seen to take, in milliseconds: browsers coarsen it. */
export function clockQuantum(): number {
  let smallest = Infinity;
  for (let k = 0; k < 5; k++) {
    const begin = performance.now();
    let now = begin;
    while (now === begin) now = performance.now();
    smallest = Math.min(smallest, now - begin);
  }
  return smallest;
}

/** One thing to time. */
export interface Task {
  readonly name: string;
  /** Settles when its result has arrived in JavaScript; with a number, if it was more than one call that it made. */
  run(): Promise<number | void>;
  /** What has to happen before a run but belongs to none, such as making this contender's back-end the current one. */
  before?(): Promise<unknown> | undefined;
}

export interface Schedule {
  /** A task is done after so many times … */
  readonly runs: number;
  /** … or after so many seconds, but not before {@link FEWEST} times. */
  readonly seconds: number;
  /** Warming up ends after so many seconds at the latest. */
  readonly warmUpSeconds: number;
}

export const DEFAULT_SCHEDULE: Schedule = { runs: 30, seconds: 2, warmUpSeconds: 20 };

export interface Measured {
  readonly stat: Stat;
  readonly warmUp: WarmUp;
  /** A time is the mean of so many runs back to back, so that it is at least a hundred steps of the clock. */
  readonly repeats: number;
}

export interface WarmUp {
  readonly raw: readonly number[];
  /** Whether it ended because the times had settled, and not because it had gone on for too long. */
  readonly settled: boolean;
}

/** Is told about every run. */
export type Tick = (phase: 'warm-up' | 'measure', task: string, done: number) => void;

const FEWEST = 5;
const MOST_WARM_UPS = 20;
const QUANTA = 100;

/**
 * Warms every task up, then times them in turn, one run of each per round, so that whatever else the machine does in
 * the meantime falls on all alike.
 *
 * @throws the signal's reason, between two runs
 */
export async function measure(
  tasks: readonly Task[],
  schedule: Schedule,
  options: { signal?: AbortSignal | undefined; onTick?: Tick; quantum?: number } = {},
): Promise<Measured[]> {
  const { signal, onTick, quantum = clockQuantum() } = options;
  const state: { warmUp: WarmUp; repeats: number; raw: number[]; seconds: number }[] = [];
  for (const task of tasks) {
    const { warmUp, runs } = await warmUpOf(task, schedule.warmUpSeconds, (done) => {
      signal?.throwIfAborted();
      onTick?.('warm-up', task.name, done);
    });
    const typical = Math.max(medianOf(runs), quantum / 10);
    state.push({ warmUp, repeats: Math.max(1, Math.ceil((QUANTA * quantum) / typical)), raw: [], seconds: 0 });
  }

  for (let open = tasks.map((_, k) => k); open.length > 0; ) {
    for (const k of open) {
      signal?.throwIfAborted();
      const task = tasks[k]!;
      const { raw, repeats } = state[k]!;
      const { spent, time } = await timeOf(task, repeats);
      raw.push(time);
      state[k]!.seconds += spent / 1000;
      onTick?.('measure', task.name, raw.length);
    }
    open = open.filter((k) => {
      const { raw, seconds } = state[k]!;
      return raw.length < schedule.runs && (raw.length < FEWEST || seconds < schedule.seconds);
    });
  }
  return state.map(({ raw, warmUp, repeats }) => ({ stat: statOf(raw), warmUp, repeats }));
}

/**
 * Until the median of the last five moves by less than 2 % from one run to the next; and how long its last runs took.
 */
async function warmUpOf(
  task: Task,
  longestSeconds: number,
  onRun: (done: number) => void,
): Promise<{ warmUp: WarmUp; runs: number[] }> {
  const raw: number[] = [];
  const runs: number[] = [];
  let before = Infinity;
  let total = 0;
  while (raw.length < MOST_WARM_UPS && (raw.length === 0 || total < longestSeconds * 1000)) {
    onRun(raw.length);
    const { spent, time } = await timeOf(task, 1);
    raw.push(time);
    runs.push(spent);
    total += spent;
    if (raw.length < FEWEST) continue;
    const median = medianOf(raw.slice(-FEWEST));
    if (Math.abs(median - before) < 0.02 * before) return { warmUp: { raw, settled: true }, runs: runs.slice(-FEWEST) };
    before = median;
  }
  return { warmUp: { raw, settled: false }, runs: runs.slice(-FEWEST) };
}

/** How long `repeats` runs take, and milliseconds per call. */
async function timeOf(task: Task, repeats: number): Promise<{ spent: number; time: number }> {
  await task.before?.();
  let calls = 0;
  const begin = performance.now();
  for (let k = 0; k < repeats; k++) calls += (await task.run()) ?? 1;
  const spent = performance.now() - begin;
  return { spent, time: spent / calls };
}

/** The result of a call and how long it took, in milliseconds. */
export async function timed<T>(call: () => Promise<T>): Promise<{ result: T; milliseconds: number }> {
  const begin = performance.now();
  const result = await call();
  return { result, milliseconds: performance.now() - begin };
}
