/**
 * How long each step of a plan takes. The steps run in the plan's order, so that each finds what it finds in a gradient
 * (kernels may skip rows of zeros), and each is repeated until it is long against the clock: timestamps are coarse in
 * browsers, and wall clocks include the way to the GPU and back.
 */
import { GradlensError } from '../errors';
import type { Profile, RunOptions } from '../options';
import type { Device } from './device';

/** Records one run of a step. */
export type RecordStep = (pass: GPUComputePassEncoder) => void;

type ProfileClock = Profile['clock'];

const LONG_ENOUGH: Readonly<Record<ProfileClock, number>> = { gpu: 4, wall: 20 };
const MOST_REPEATS = 512;
const SWEEPS = 3;
/** Of a timestamp. */
const BYTES = 8;
/** In one query set. */
const MOST_QUERIES = 4096;

/** Milliseconds per run of each step: the median of three sweeps. */
export async function timeSteps(
  device: Device,
  steps: readonly RecordStep[],
  options: RunOptions,
): Promise<{ clock: ProfileClock; milliseconds: number[] }> {
  const { clock, sweep, dispose } = await clockFor(device, steps);
  const total = SWEEPS + 2;
  let done = 0;
  const next = async (repeats: readonly number[]): Promise<number[]> => {
    options.signal?.throwIfAborted();
    const times = await sweep(repeats);
    options.onProgress?.({ phase: 'run', done: ++done, total });
    return times.map((time, k) => time / repeats[k]!);
  };
  try {
    const once = steps.map(() => 1);
    await next(once); // some drivers compile at the first dispatch
    const repeats = (await next(once)).map((time) =>
      Math.min(MOST_REPEATS, Math.max(1, Math.ceil(LONG_ENOUGH[clock] / Math.max(time, 1e-6)))),
    );
    const sweeps: number[][] = [];
    while (sweeps.length < SWEEPS) sweeps.push(await next(repeats));
    return { clock, milliseconds: steps.map((_, k) => medianOf(sweeps.map((times) => times[k]!))) };
  } finally {
    dispose();
  }
}

export interface Clock {
  readonly clock: ProfileClock;
  /** Runs every step `repeats[k]` times; milliseconds for all of them. */
  sweep(repeats: readonly number[]): Promise<number[]>;
  dispose(): void;
}

/** Timestamps on the GPU where the device has them, else the wall clock. */
export const clockFor = (device: Device, steps: readonly RecordStep[]): Promise<Clock> =>
  device.gpu.features.has('timestamp-query') && 2 * steps.length <= MOST_QUERIES
    ? gpuClock(device, steps)
    : wallClock(device, steps);

function record(pass: GPUComputePassEncoder, step: RecordStep, repeats: number): void {
  for (let r = 0; r < repeats; r++) step(pass);
  pass.end();
}

/** All steps in one submit, each in a pass of its own between two timestamps. */
async function gpuClock(device: Device, steps: readonly RecordStep[]): Promise<Clock> {
  const count = 2 * steps.length;
  const { queries, resolved, staging } = await device.guard('preparing a profile', () => ({
    queries: device.gpu.createQuerySet({ type: 'timestamp', count }),
    resolved: device.allocate('timestamps', count * BYTES, GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC),
    staging: device.allocate('timestamps read-back', count * BYTES, GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST),
  }));
  return {
    clock: 'gpu',
    async sweep(repeats) {
      await device.guard('a profile', () => {
        const encoder = device.gpu.createCommandEncoder({ label: 'gradlens/profile' });
        if (steps[0]) record(encoder.beginComputePass(), steps[0], 1); // some drivers count their waking up to the first pass
        steps.forEach((step, k) => {
          const timestampWrites = {
            querySet: queries,
            beginningOfPassWriteIndex: 2 * k,
            endOfPassWriteIndex: 2 * k + 1,
          };
          record(encoder.beginComputePass({ timestampWrites }), step, repeats[k]!);
        });
        encoder.resolveQuerySet(queries, 0, count, resolved, 0);
        encoder.copyBufferToBuffer(resolved, 0, staging, 0, count * BYTES);
        device.gpu.queue.submit([encoder.finish()]);
      });
      await staging.mapAsync(GPUMapMode.READ).catch((cause: unknown) => {
        device.assertAlive();
        throw new GradlensError(
          'validation',
          `a profile: its times could not be read: ${String(cause)}`,
          {},
          { cause },
        );
      });
      const nanoseconds = new BigUint64Array(staging.getMappedRange().slice(0));
      staging.unmap();
      return steps.map((_, k) => Math.max(0, Number(nanoseconds[2 * k + 1]! - nanoseconds[2 * k]!) / 1e6)); // the clock may be set back
    },
    dispose() {
      queries.destroy();
      for (const buffer of [resolved, staging]) device.free(buffer);
    },
  };
}

/** A submit per step. */
async function wallClock(device: Device, steps: readonly RecordStep[]): Promise<Clock> {
  const timeOf = async (step: RecordStep, repeats: number): Promise<number> => {
    const began = performance.now();
    await device.guard('a profile', () => {
      const encoder = device.gpu.createCommandEncoder({ label: 'gradlens/profile' });
      record(encoder.beginComputePass(), step, repeats);
      device.gpu.queue.submit([encoder.finish()]);
    });
    await device.gpu.queue.onSubmittedWorkDone();
    device.assertAlive();
    return performance.now() - began;
  };
  const empty: number[] = [];
  while (empty.length < 5) empty.push(await timeOf(() => {}, 1));
  const overhead = medianOf(empty);
  return {
    clock: 'wall',
    async sweep(repeats) {
      const times: number[] = [];
      for (const [k, step] of steps.entries()) times.push(Math.max(0, (await timeOf(step, repeats[k]!)) - overhead));
      return times;
    },
    dispose() {},
  };
}

/** Of an odd number of times. */
const medianOf = (times: readonly number[]): number => [...times].sort((a, b) => a - b)[times.length >> 1]!;
