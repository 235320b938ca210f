/**
 * How long each step of a plan takes. The steps run in the plan's order, so that each finds what it finds in a gradient
 * (kernels may skip rows of zeros), and each is repeated until it is long against the clock: timestamps are coarse in
 * browsers, and wall clocks include the way to the GPU and back.
 */
import type { Call } from '../calls';
import type { Profile } from '../options';
import { Buffers, record } from './bound';
import type { Encoder } from './commands';
import type { Device } from './device';
import type { BackwardOptions, Executor } from './executor';
import { typed } from './guarded';

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

/**
 * The profile of a gradient; `bring` records what puts the picture into the executor's input. No gradient is there
 * afterwards, since steps that add ran more than once.
 */
export async function profileOf(
  { device, executor }: { readonly device: Device; readonly executor: Executor },
  call: Call,
  bring: (encoder: Encoder) => void,
  backward: BackwardOptions,
): Promise<Profile> {
  await device.guard(call, 'a profile', () =>
    device.submit('profile', (encoder) => {
      bring(encoder);
      executor.encodeOptions(encoder, backward);
    }),
  );
  const { clock, milliseconds } = await timeSteps(
    device,
    executor.steps.map((step) => (pass) => record(pass, step)),
    call,
  );
  const { plan } = executor;
  return {
    clock,
    steps: [...plan.forward, ...plan.backward].map(({ label, kernel: { flops }, bind }, k) => ({
      label,
      flops,
      milliseconds: milliseconds[k]!,
      direction: k < plan.forward.length ? 'forward' : 'backward',
      bytes: [...new Map(Object.values(bind).map((tensor) => [tensor.name, tensor.bytes])).values()].reduce(
        (sum, bytes) => sum + bytes,
        0,
      ),
    })),
  };
}

/** Milliseconds per run of each step: the median of three sweeps. */
async function timeSteps(
  device: Device,
  steps: readonly RecordStep[],
  call: Call,
): Promise<{ clock: ProfileClock; milliseconds: number[] }> {
  const { clock, sweep, dispose } = await clockFor(device, steps, call);
  const total = SWEEPS + 2;
  let done = 0;
  const next = async (repeats: readonly number[]): Promise<number[]> => {
    const times = await sweep(repeats, call);
    call.onProgress?.({ phase: 'run', done: ++done, total });
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
  sweep(repeats: readonly number[], call: Call): Promise<number[]>;
  dispose(): void;
}

/** Timestamps on the GPU where the device has them, else the wall clock. */
export const clockFor = (device: Device, steps: readonly RecordStep[], call: Call): Promise<Clock> =>
  device.gpu.features.has('timestamp-query') && 2 * steps.length <= MOST_QUERIES
    ? gpuClock(device, steps, call)
    : wallClock(device, steps, call);

function repeated(pass: GPUComputePassEncoder, step: RecordStep, repeats: number): void {
  for (let r = 0; r < repeats; r++) step(pass);
  pass.end();
}

/** All steps in one submit, each in a pass of its own between two timestamps. */
async function gpuClock(device: Device, steps: readonly RecordStep[], call: Call): Promise<Clock> {
  const count = 2 * steps.length;
  const { QUERY_RESOLVE, COPY_SRC, COPY_DST, MAP_READ } = GPUBufferUsage;
  const buffers = new Buffers(device);
  let queries: GPUQuerySet | undefined;
  const dispose = (): void => {
    queries?.destroy();
    buffers.dispose();
  };
  const { resolved, staging } = await device
    .guard(call, 'preparing a profile', () => {
      queries = device.gpu.createQuerySet({ type: 'timestamp', count });
      return {
        resolved: buffers.allocate('timestamps', count * BYTES, QUERY_RESOLVE | COPY_SRC),
        staging: buffers.allocate('timestamps read-back', count * BYTES, MAP_READ | COPY_DST),
      };
    })
    .catch((error: unknown) => {
      dispose();
      throw error;
    });
  return {
    clock: 'gpu',
    async sweep(repeats, ofCall) {
      let mapped: Promise<void> | undefined;
      await device.guard(ofCall, 'a profile', () => {
        device.submit('profile', (encoder) => {
          // some drivers count their waking up to the first pass
          if (steps[0]) repeated(encoder.beginComputePass(), steps[0], 1);
          steps.forEach((step, k) => {
            const timestampWrites = {
              querySet: queries!,
              beginningOfPassWriteIndex: 2 * k,
              endOfPassWriteIndex: 2 * k + 1,
            };
            repeated(encoder.beginComputePass({ timestampWrites }), step, repeats[k]!);
          });
          encoder.resolveQuerySet(queries!, 0, count, resolved, 0);
          encoder.copyBufferToBuffer(resolved, 0, staging, 0, count * BYTES);
        });
        mapped = staging.mapAsync(GPUMapMode.READ);
        mapped.catch(() => {}); // awaited below
      });
      await device.settled(ofCall, 'a profile: its times could not be read', () => mapped!);
      const nanoseconds = read(staging);
      // the clock may be set back
      return steps.map((_, k) => Math.max(0, Number(nanoseconds[2 * k + 1]! - nanoseconds[2 * k]!) / 1e6));
    },
    dispose,
  };
}

function read(staging: GPUBuffer): BigUint64Array {
  try {
    const values = new BigUint64Array(staging.getMappedRange().slice(0));
    staging.unmap();
    return values;
  } catch (cause) {
    throw typed('a profile', cause);
  }
}

/** A submit per step. */
async function wallClock(device: Device, steps: readonly RecordStep[], call: Call): Promise<Clock> {
  const timeOf = async (step: RecordStep, repeats: number, ofCall: Call): Promise<number> => {
    const began = performance.now();
    await device.guard(ofCall, 'a profile', () =>
      device.submit('profile', (encoder) => repeated(encoder.beginComputePass(), step, repeats)),
    );
    await device.settled(ofCall, 'a profile', () => device.gpu.queue.onSubmittedWorkDone());
    return performance.now() - began;
  };
  const empty: number[] = [];
  while (empty.length < 5) empty.push(await timeOf(() => {}, 1, call));
  const overhead = medianOf(empty);
  return {
    clock: 'wall',
    async sweep(repeats, ofCall) {
      const times: number[] = [];
      for (const [k, step] of steps.entries())
        times.push(Math.max(0, (await timeOf(step, repeats[k]!, ofCall)) - overhead));
      return times;
    },
    dispose() {},
  };
}

/** Of an odd number of times. */
const medianOf = (times: readonly number[]): number => [...times].sort((a, b) => a - b)[times.length >> 1]!;
