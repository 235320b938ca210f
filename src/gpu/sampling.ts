/**
 * Many variants of one picture, their gradients added up on the GPU: memory does not grow with their number, and
 * nothing but the sum and one score per variant is read, once, at the end.
 */
import { ascentTick } from '../../shaders/ascent';
import type { Kernel } from '../../shaders/kernel';
import { type SamplingDims, type Sum, type Variation, accumulate, register, vary } from '../../shaders/sampling';
import type { RunOptions } from '../options';
import { type Bound, Buffers, binder, dispatch } from './bound';
import type { Device } from './device';
import type { BackwardOptions, Executor } from './executor';
import { Pace } from './pace';
import type { Readback } from './readback';

export interface SampledVariants {
  readonly variation: Variation;
  /** What is added up of the gradients; null: nothing, only scores are wanted, and there is no backward pass. */
  readonly sum: Sum | null;
  readonly samples: number;
  /** A second image, `[C, H, W]` prepared; default 0, the mean. */
  readonly other?: Float32Array;
  /** Of pixels, where the variation goes by them. */
  readonly ranks?: Uint32Array;
}

export interface Sampled {
  /** `[C, H, W]`: the sum; empty if none was wanted. */
  readonly total: Float32Array;
  /** One per variant. */
  readonly scores: Float32Array;
}

interface Parts {
  readonly device: Device;
  readonly executor: Executor;
  readonly readback: Readback;
}

/** `picture` holds the prepared picture first. */
export async function sampleVariants(
  { device, executor, readback }: Parts,
  picture: GPUBuffer,
  dims: SamplingDims,
  variants: SampledVariants,
  backward: BackwardOptions,
  options: RunOptions,
): Promise<Sampled> {
  const { variation, sum, samples, other, ranks } = variants;
  const kernels = [vary(dims, variation), ...(sum ? [accumulate(dims, sum)] : []), ascentTick()];
  const bind = await binder(device, kernels);
  const buffers = new Buffers(device);
  const { STORAGE, COPY_SRC, COPY_DST } = GPUBufferUsage;
  const elements = dims.C * dims.H * dims.W;
  try {
    const { total, scores, bound } = await device.guard('sampling', () => {
      const make = (label: string, count: number, data?: Float32Array | Uint32Array): GPUBuffer => {
        const buffer = buffers.allocate(`sampling ${label}`, count * 4, STORAGE | COPY_SRC | COPY_DST);
        if (data) device.gpu.queue.writeBuffer(buffer, 0, data as Float32Array<ArrayBuffer>);
        return buffer;
      };
      const made = {
        total: make('total', elements),
        scores: make('scores', samples),
        other: make('other', elements, other),
        ranks: make('ranks', ranks?.length ?? 4, ranks),
        clock: make('clock', 1),
      };
      const names = { ...made, picture, y: executor.input, gradient: executor.gradient };
      return { ...made, bound: kernels.map((kernel) => bind(kernel, names, buffers.allocate)) };
    });
    const [before, ...after] = bound as [Bound, ...Bound[]];
    await repeat(device, Math.ceil(samples / dims.N), options, (encoder, k) => {
      dispatch(encoder, 'sampling', [before]);
      if (sum) executor.encodeBoth(encoder, backward);
      else executor.encodeForward(encoder);
      dispatch(encoder, 'sampling', after);
      for (let n = 0; n < dims.N && k * dims.N + n < samples; n++)
        copyScore(encoder, executor, backward.targets[n]!.channel, n, scores, k * dims.N + n);
    });
    const read = await readback.run('sampling', (elements + samples) * 4, (_, copy) => {
      copy(scores, samples * 4);
      if (sum) copy(total, elements * 4);
    });
    return { scores: read[0]!, total: read[1] ?? new Float32Array(0) };
  } finally {
    buffers.dispose();
  }
}

/** A view of the picture: where it lies in the input that shows the whole picture, in pixels of it. */
export interface View {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly mirrored: boolean;
}

/** `encodeInput` brings the k-th batch of views into the input; it is awaited before the batch is recorded. */
export async function sampleViews(
  { device, executor, readback }: Parts,
  dims: SamplingDims,
  views: readonly View[],
  channels: 'max-abs' | 'sum-abs' | 'sum',
  backward: BackwardOptions,
  fill: (k: number) => Promise<void>,
  encodeInput: (encoder: GPUCommandEncoder) => void,
  options: RunOptions,
): Promise<Float32Array> {
  const kernels: readonly Kernel[] = [register(dims, channels), ascentTick()];
  const bind = await binder(device, kernels);
  const buffers = new Buffers(device);
  const { STORAGE, COPY_SRC, COPY_DST } = GPUBufferUsage;
  const pixels = dims.H * dims.W;
  try {
    const { total, bound } = await device.guard('averaging views', () => {
      const make = (label: string, bytes: number): GPUBuffer =>
        buffers.allocate(`views ${label}`, bytes, STORAGE | COPY_SRC | COPY_DST);
      const made = {
        total: make('total', pixels * 8),
        views: make('places', views.length * 32),
        clock: make('clock', 4),
      };
      const places = Float32Array.from(
        views.flatMap(({ x, y, width, height, mirrored }) => [x, y, width, height, mirrored ? 1 : 0, 0, 0, 0]),
      );
      device.gpu.queue.writeBuffer(made.views, 0, places);
      const names = { ...made, gradient: executor.gradient };
      return { ...made, bound: kernels.map((kernel) => bind(kernel, names, buffers.allocate)) };
    });
    for (let k = 0; k < Math.ceil(views.length / dims.N); k++) {
      options.signal?.throwIfAborted();
      options.onProgress?.({ phase: 'run', done: k * dims.N, total: views.length });
      await fill(k);
      await device.guard('averaging views', () => {
        const encoder = device.gpu.createCommandEncoder({ label: 'gradlens/views' });
        encodeInput(encoder);
        executor.encodeBoth(encoder, backward);
        dispatch(encoder, 'views', bound);
        device.gpu.queue.submit([encoder.finish()]);
      });
    }
    const [sums] = await readback.run('views', pixels * 8, (_, copy) => copy(total, pixels * 8));
    return Float32Array.from({ length: pixels }, (_, i) =>
      sums![2 * i + 1]! > 0 ? sums![2 * i]! / sums![2 * i + 1]! : 0,
    );
  } finally {
    buffers.dispose();
  }
}

/**
 * Records `count` repetitions, as many per submit as the pace allows; one submit is recorded while the one before it
 * runs.
 */
async function repeat(
  device: Device,
  count: number,
  { signal, onProgress }: RunOptions,
  encode: (encoder: GPUCommandEncoder, k: number) => void,
): Promise<void> {
  const pace = new Pace();
  let running: Promise<void> = Promise.resolve();
  for (let k = 0; k < count; ) {
    signal?.throwIfAborted();
    onProgress?.({ phase: 'run', done: k, total: count });
    const some = Math.min(pace.count, count - k);
    const begin = performance.now();
    await device.guard('sampling', () => {
      const encoder = device.gpu.createCommandEncoder({ label: 'gradlens/sampling' });
      for (let j = 0; j < some; j++) encode(encoder, k + j);
      device.gpu.queue.submit([encoder.finish()]);
    });
    const before = running;
    running = device.gpu.queue.onSubmittedWorkDone().then(
      () => pace.took(some, begin, performance.now()),
      () => {},
    ); // a loss is told by the next guard
    k += some;
    await before;
  }
}

function copyScore(
  encoder: GPUCommandEncoder,
  {
    scores,
    plan: {
      scores: { block, blocks },
    },
  }: Executor,
  channel: number,
  n: number,
  to: GPUBuffer,
  at: number,
): void {
  encoder.copyBufferToBuffer(scores, ((n * blocks + block) * 4 + channel) * 4, to, at * 4, 4);
}
